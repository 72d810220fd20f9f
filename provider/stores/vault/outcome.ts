import { ProviderError } from "../../errors.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import { goQuote } from "../../shared/go-text.ts";
import { isJsonObject, type JsonObject, jsonMember, parseJsonObject, stringifyJson } from "../../shared/json.ts";
import { Secret } from "../../shared/secret.ts";
import type { Found, Outcome } from "../store.ts";
import { secretData, WholeAnswer } from "./content.ts";
import { envelopeTexts, showableTexts } from "./envelope.ts";
import { callError, type FailedCall, nonsenseError } from "./failures.ts";
import type { VaultInstance } from "./instance.ts";
import { readLease } from "./lease.ts";
import type { VaultRef } from "./ref.ts";

/** The clause by which Vault tells that a KV v2 path lacks `data/`. */
const unversionedPathHint = "Invalid path for a versioned K/V secrets engine";

/** A read as it was sent, and what came back. */
export interface AnsweredRead {
	/** For the words of today's providers. */
	readonly url: string;
	readonly token: Secret;
	/** Milliseconds of the epoch, when it was sent: leases count from then. */
	readonly askedAt: number;
	readonly answer: HttpAnswer;
}

/**
 * What an answer to a read means.
 *
 * @throws ProviderError `unreachable` on 412, 429, 5xx and nonsense; `invalid` when the server does not understand the request
 */
export function readOutcome(instance: VaultInstance, ref: VaultRef, { url, token, askedAt, answer }: AnsweredRead): Outcome {
	const { status } = answer;
	if (status === 200) return readSuccess(ref, answer.body, token, askedAt);
	if (status > 200 && status < 300) return emptyOutcome(ref, []);
	const call = { stage: "read", method: ref.method, url, subject: goQuote(ref.shown), answer, confidential: [token] } as const;
	const error = callError(instance, call);
	if (error.code === "denied") return { kind: "denied", error };
	if (error.code === "absent") return { kind: "absent", error: explainAbsence(error, ref, call) };
	throw error;
}

function readSuccess(ref: VaultRef, body: Buffer, token: Secret, askedAt: number): Outcome {
	const envelope = parseJsonObject(body);
	const data = envelope === undefined ? undefined : jsonMember(envelope, "data");
	// An answer without even a place for data comes from something else than Vault, and is no reason to remove a secret.
	if (envelope === undefined || data === undefined) throw nonsenseError("read", goQuote(ref.shown), "the answer is not Vault's JSON");
	if (!isJsonObject(data)) return emptyOutcome(ref, showableTexts(envelopeTexts(envelope, "warnings"), [token]));
	const value = ref.whole ? new WholeAnswer(body, envelope) : new Secret(stringifyJson(secretData(data)));
	const lease = readLease(envelope, ref.leased, askedAt);
	const found: Found = { kind: "found", value, structure: "json" };
	return lease === undefined ? found : { ...found, lease };
}

/** The server did what was asked and gave nothing back, as for a write: there is no secret in that. */
function emptyOutcome(ref: VaultRef, warnings: readonly string[]): Outcome {
	const error = new ProviderError("absent", `Vault answered ${goQuote(ref.shown)} without any data.`, {
		remedy: "Name a path and a method that give a secret back.",
		legacyText: `empty response from ${goQuote(ref.shown)}, warnings: [${warnings.join(" ")}]`,
	});
	return { kind: "absent", error };
}

/** Says more than "not found" where the answer does: a deleted or destroyed version, a KV v2 path without `data/`. */
function explainAbsence(error: ProviderError, ref: VaultRef, call: FailedCall): ProviderError {
	const envelope = parseJsonObject(call.answer.body);
	if (envelope === undefined) return error;
	if (envelopeTexts(envelope, "warnings").some((text) => text.startsWith(unversionedPathHint))) return unversionedPath(error, ref);
	const data = jsonMember(envelope, "data");
	const metadata = isJsonObject(data) ? jsonMember(data, "metadata") : undefined;
	return isJsonObject(metadata) ? deletedVersion(error, ref, metadata) : error;
}

function unversionedPath(error: ProviderError, ref: VaultRef): ProviderError {
	const [mount = "", ...rest] = ref.shown.replace(/^\/?(?:v1\/)?/, "").split("/");
	return reworded(
		error,
		`The mount of ${goQuote(ref.shown)} is a KV engine of version 2, whose secrets lie below data/.`,
		`Write the path as ${[mount, "data", ...rest].join("/")}.`,
	);
}

function deletedVersion(error: ProviderError, ref: VaultRef, metadata: JsonObject): ProviderError {
	const version = `Version ${stringifyJson(jsonMember(metadata, "version") ?? null)} of ${goQuote(ref.shown)}`;
	if (jsonMember(metadata, "destroyed") === true)
		return reworded(error, `${version} is destroyed.`, "Write the secret again, or name another version.");
	const time = jsonMember(metadata, "deletion_time");
	if (typeof time !== "string" || time === "") return error;
	const when = /^[\dTZ:.+-]{1,40}$/.test(time) ? ` at ${time}` : "";
	return reworded(error, `${version} was deleted${when}.`, "Undelete it, write the secret again, or name another version.");
}

function reworded(error: ProviderError, message: string, remedy: string): ProviderError {
	const legacyText = error.legacyText === undefined ? {} : { legacyText: error.legacyText };
	return new ProviderError("absent", message, { remedy, ...legacyText, stage: "read" });
}
