import { ProviderError } from "../../errors.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import { isJsonObject, type JsonObject, jsonMember, parseJsonObject } from "../../shared/json.ts";

/** What an error of Key Vault means. */
export type FailureKind =
	/** There is no such thing, or it is deleted and can be taken back. */
	| "absent"
	/** This identity may not have it. */
	| "denied"
	/** It is there, and its administrator has switched it off. */
	| "disabled"
	/** The vault lets nobody in from here, whoever it is. */
	| "firewall"
	/** The request itself is at fault. */
	| "invalid"
	| "throttled"
	/** The vault is not able to answer. */
	| "outage"
	/** Something that Key Vault does not say. */
	| "nonsense";

/** Status and codes of an answer that is an error. Nothing else of it is kept: its text holds names and client ids. */
export class VaultError extends Error {
	override readonly name = "VaultError";
	/** 0: there was an answer, and the SDK could make nothing of it. */
	readonly status: number;
	/** Such as `SecretNotFound`; empty when the body is none of Key Vault's. */
	readonly code: string;
	/** Such as `SecretDisabled`; empty when there is none. */
	readonly innerCode: string;
	readonly retryAfter: string | undefined;

	constructor(answer: Pick<HttpAnswer, "status" | "retryAfter"> & { readonly body?: Buffer }) {
		super(`Key Vault answered with status ${answer.status}`);
		const problem = memberObject(answer.body === undefined ? undefined : parseJsonObject(answer.body), "error");
		this.status = answer.status;
		this.code = codeIn(problem);
		this.innerCode = codeIn(memberObject(problem, "innererror"));
		this.retryAfter = answer.retryAfter;
	}
}

/** Codes are words; what is no word is no code of Key Vault's. */
const codeForm = /^[A-Za-z]\w{2,60}$/;

/** The answer behind an error; undefined when there was none, so that it is the error of our own transport. */
export function vaultErrorOf(error: unknown): VaultError | undefined {
	if (error instanceof ProviderError) return undefined;
	return error instanceof VaultError ? error : new VaultError({ status: 0, retryAfter: undefined });
}

/** Source: Key Vault, "REST API error codes" and "Authentication, requests and responses". */
export function kindOf({ status, code, innerCode }: VaultError): FailureKind {
	// Without Key Vault's own words, the answer may be that of anything on the way.
	const isVaults = code !== "";
	switch (status) {
		case 400:
			return isVaults ? "invalid" : "nonsense";
		case 403:
			if (!isVaults) return "nonsense";
			if (/Disabled$/.test(innerCode)) return "disabled";
			return /^ForbiddenBy(?:Firewall|Connection)/.test(innerCode) ? "firewall" : "denied";
		case 404:
			return /NotFound$/.test(code) ? "absent" : "nonsense";
		case 429:
			return "throttled";
		default:
			return status >= 500 ? "outage" : "nonsense";
	}
}

function memberObject(object: JsonObject | undefined, key: string): JsonObject | undefined {
	const member = object === undefined ? undefined : jsonMember(object, key);
	return isJsonObject(member) ? member : undefined;
}

function codeIn(problem: JsonObject | undefined): string {
	const code = problem === undefined ? undefined : jsonMember(problem, "code");
	return typeof code === "string" && codeForm.test(code) ? code : "";
}
