import { type AwsError, awsErrorOf, type ErrorKind, kindOf } from "../../aws/error-kinds.ts";
import { describeIdentity, saying, showable } from "../../aws/words.ts";
import { type ErrorCode, ProviderError } from "../../errors.ts";
import type { Secret } from "../../shared/secret.ts";
import type { Identity } from "../store.ts";
import { credentialTitle } from "./names.ts";

/** One call of KMS that was answered with an error, or not at all. */
export interface KeyCall {
	/** What it was for. */
	readonly purpose: KeyPurpose;
	readonly region: string;
	readonly identity: Identity;
	/** The pairs that KMS binds to what it encrypts; no secret. */
	readonly context: Readonly<Record<string, string>>;
	/** What no text may repeat. */
	readonly confidential: readonly Secret[];
}

/** To make a token with the server's auth key, or to open the data key of a blind credential. */
export type KeyPurpose =
	| { readonly kind: "token"; readonly authKey: string }
	| { readonly kind: "credential"; readonly name: string; readonly id: string };

interface Verdict {
	readonly code: ErrorCode;
	/** A clause that goes on after the call's own words. */
	readonly clause: string;
	readonly remedy: string;
}

/**
 * A failed call of KMS as an error of ours, which names the stage and the context. A key that is disabled or about to be
 * deleted is somebody's decision that nobody may use it, so it is a denial.
 * Source: KMS API reference, errors of Encrypt and Decrypt.
 */
export function keyError(error: unknown, call: KeyCall): ProviderError {
	const answer = awsErrorOf(error);
	const stage = call.purpose.kind === "token" ? "login" : "read";
	if (answer === undefined) return unanswered(ProviderError.from(error), call, stage);
	const { code, clause, remedy } = judge(answer, call);
	return new ProviderError(code, `${describe(call)} ${clause}${saying(answer, call.confidential)}.`, { remedy, stage });
}

/** The answer claims success and holds nothing. */
export function emptyAnswer(call: KeyCall): ProviderError {
	return new ProviderError("unreachable", `${describe(call)} gave no usable answer: it holds nothing.`, { remedy: awsItselfRemedy });
}

const longestPairs = 500;

/** The pairs as messages show them, such as `from=shop, to=confidant-production`. */
export function describePairs(context: Readonly<Record<string, string>>): string {
	return Object.entries(context)
		.map(([key, value]) => `${plainly(key)}=${plainly(value)}`)
		.join(", ")
		.slice(0, longestPairs);
}

/** Those of a blind credential are the server's word, so what looks like a token is not repeated. */
function plainly(text: string): string {
	const shown = showable(text, []);
	return /^[\w.:/@+-]+$/.test(shown) ? shown : JSON.stringify(shown);
}

const awsItselfRemedy = "Check that the endpoint leads to AWS itself and not to a proxy's page.";

function judge(answer: AwsError, call: KeyCall): Verdict {
	const { purpose } = call;
	if (answer.name === "NotFoundException") return noSuchKey(purpose);
	if (answer.name === "InvalidCiphertextException") {
		const remedy = "Its data key or metadata are damaged: write the credential anew with Confidant's own client.";
		return { code: "invalid", clause: "says that the data key does not open with its context", remedy };
	}
	if (answer.name === "InvalidKeyUsageException") {
		return { code: "invalid", clause: "says that the key is not one that encrypts", remedy: "Use a symmetric key (ENCRYPT_DECRYPT)." };
	}
	return judgeKind(kindOf(answer), call);
}

function judgeKind(kind: ErrorKind, call: KeyCall): Verdict {
	switch (kind) {
		case "denied":
			return { code: "denied", clause: `refuses ${describeIdentity(call.identity)}`, remedy: permissionRemedy(call) };
		case "key":
			return { code: "denied", clause: "says that nobody can use the key", remedy: "See its state: aws kms describe-key --key-id KEY" };
		case "invalid":
			return { code: "invalid", clause: "does not understand the request", remedy: "Check authKey and region." };
		case "throttled":
			return { code: "unreachable", clause: "was turned away, because the rate of requests is limited", remedy: "It is asked again." };
		case "ended":
			return {
				code: "unreachable",
				clause: "was not accepted: the role's credentials have ended",
				remedy: "The next attempt logs in anew.",
			};
		case "signature":
			return { code: "unreachable", clause: "was not accepted: its signature is not valid", remedy: "Check the node's clock." };
		case "outage":
			return { code: "unreachable", clause: "failed inside KMS", remedy: "It is asked again." };
		default:
			return { code: "unreachable", clause: "gave no usable answer", remedy: awsItselfRemedy };
	}
}

function noSuchKey(purpose: KeyPurpose): Verdict {
	const clause = "says that there is no such key";
	return purpose.kind === "token"
		? { code: "invalid", clause, remedy: "Compare authKey with the server's AUTH_KEY; one of another account is named by its ARN." }
		: { code: "absent", clause, remedy: "What a deleted key has encrypted is lost: write the credential anew from its source." };
}

function permissionRemedy({ purpose, context }: KeyCall): string {
	const action = purpose.kind === "token" ? "kms:Encrypt" : "kms:Decrypt";
	const conditions = Object.entries(context)
		.map(([key, value]) => `${JSON.stringify(`kms:EncryptionContext:${showable(key, [])}`)}: ${JSON.stringify(showable(value, []))}`)
		.join(", ")
		.slice(0, longestPairs);
	return `Allow the role ${action} on the key${conditions === "" ? "" : ` where ${conditions}`}, in its policy or in the key's own.`;
}

function describe({ purpose, region, context }: KeyCall): string {
	const what =
		purpose.kind === "token"
			? `KMS Encrypt with ${purpose.authKey}, for a token of Confidant's`
			: `KMS Decrypt for the blind credential ${credentialTitle(purpose)}`;
	const pairs = describePairs(context);
	return `${what} in ${region}${pairs === "" ? "" : ` with the context ${pairs}`}`;
}

/** No answer at all: our transport says server, stage and fact. */
function unanswered(error: ProviderError, call: KeyCall, stage: "login" | "read"): ProviderError {
	if (error.code !== "unreachable") return error;
	const remedy = error.remedy === undefined ? {} : { remedy: error.remedy };
	return new ProviderError(error.code, `${describe(call)}: ${error.message}`, { ...remedy, stage, cause: error.cause });
}
