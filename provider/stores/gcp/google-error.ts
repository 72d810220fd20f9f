import { isJsonArray, isJsonObject, type JsonObject, type JsonValue, jsonMember, parseJsonObject } from "../../shared/json.ts";

/** An error as Google's APIs tell it: google.rpc.Status as JSON. Source: AIP-193. */
export interface GoogleError {
	/** Such as `PERMISSION_DENIED`. */
	readonly status: string;
	readonly message: string;
	/** The `reason` of google.rpc.ErrorInfo, such as `IAM_PERMISSION_DENIED`; empty when there is none. */
	readonly reason: string;
}

/** The text of a member; empty when it is none. */
export function textOf(object: JsonObject | undefined, key: string): string {
	const value = object === undefined ? undefined : jsonMember(object, key);
	return typeof value === "string" ? value : "";
}

/** Undefined for an answer that is no error of Google's: whoever gave it, it is no word on what was asked for. */
export function googleErrorOf(body: Buffer): GoogleError | undefined {
	const error = member(parseJsonObject(body), "error");
	const status = textOf(error, "status");
	if (!/^[A-Z_]{2,40}$/.test(status)) return undefined;
	const reason = textOf(detailOf(error, "google.rpc.ErrorInfo"), "reason");
	return { status, message: textOf(error, "message"), reason: /^[A-Z0-9_]{1,63}$/.test(reason) ? reason : "" };
}

/**
 * For how long Google wants to be left alone, from google.rpc.RetryInfo, as the header Retry-After says it: in whole
 * seconds. Undefined when it does not say.
 */
export function askedPause(body: Buffer): string | undefined {
	const delay = textOf(detailOf(member(parseJsonObject(body), "error"), "google.rpc.RetryInfo"), "retryDelay");
	const seconds = Number(/^(\d{1,6}(?:\.\d{1,9})?)s$/.exec(delay)?.[1] ?? Number.NaN);
	return Number.isNaN(seconds) ? undefined : String(Math.ceil(seconds));
}

function detailOf(error: JsonObject | undefined, type: string): JsonObject | undefined {
	const details: JsonValue | undefined = error === undefined ? undefined : jsonMember(error, "details");
	if (!isJsonArray(details)) return undefined;
	return details
		.filter((detail): detail is JsonObject => isJsonObject(detail))
		.find((detail) => textOf(detail, "@type").endsWith(`/${type}`));
}

function member(object: JsonObject | undefined, key: string): JsonObject | undefined {
	const value = object === undefined ? undefined : jsonMember(object, key);
	return isJsonObject(value) ? value : undefined;
}

/** A status in the words of gRPC for Go, in which today's provider passes errors on: `NOT_FOUND` is `NotFound`. */
export function goText({ status, message }: Pick<GoogleError, "status" | "message">): string {
	const code = status.toLowerCase().replace(/(?:^|_)([a-z])/g, (_match, letter: string) => letter.toUpperCase());
	return `rpc error: code = ${code} desc = ${message}`;
}
