import type { HttpAnswer } from "../../net/exchange.ts";
import { decodeText } from "../../render/encoding.ts";
import { isJsonArray, isJsonObject, type JsonValue, jsonMember, parseJsonObject } from "../../shared/json.ts";
import { Secret } from "../../shared/secret.ts";

/**
 * What an answer says of its error: the text of `{"error": {"code": …, "message": …}}`. Undefined where the server explains
 * nothing, as with most refusals, and for what is not the server's own: gateways write `message` without a word as its code.
 */
export function explanationOf({ body }: Pick<HttpAnswer, "body">): string | undefined {
	const parsed = parseJsonObject(body);
	const error = parsed === undefined ? undefined : jsonMember(parsed, "error");
	const [code, message] = isJsonObject(error) ? ["code", "message"].map((key) => jsonMember(error, key)) : [];
	return typeof code === "string" && typeof message === "string" && message !== "" ? message : undefined;
}

/** Whether an error is the server's own, and not a page of something in between. */
export function isConjurs(answer: Pick<HttpAnswer, "body">): boolean {
	return answer.body.length === 0 || explanationOf(answer) !== undefined;
}

/** Reads one value of the answer to a batch, by the variable's full name; undefined when it is not in it as it should be. */
export type ReadValue = (full: string) => Secret | undefined;

/** The answer to a batch that was asked for in base64. Undefined when it is none. */
export function readBatch({ body, headers }: HttpAnswer): ReadValue | undefined {
	if (headers["content-encoding"]?.toLowerCase() !== "base64") return undefined;
	const values = parseJsonObject(body);
	if (values === undefined) return undefined;
	return (full) => {
		const text = jsonMember(values, full);
		// The server breaks the lines of base64.
		const bytes = typeof text === "string" ? decodeText(text, "base64") : undefined;
		return bytes === undefined ? undefined : new Secret(bytes);
	};
}

/** What Conjur Cloud's batch says of one variable. */
export interface ValueAnswer {
	readonly status: number;
	readonly value: Secret | undefined;
}

/** The answer of Conjur Cloud's batch by ids without account. Undefined when it is none. */
export function readValues({ body }: HttpAnswer): ReadonlyMap<string, ValueAnswer> | undefined {
	const parsed = parseJsonObject(body);
	const list = parsed === undefined ? undefined : jsonMember(parsed, "secrets");
	if (!isJsonArray(list)) return undefined;
	return new Map(list.flatMap(readValue));
}

function readValue(entry: JsonValue): readonly (readonly [string, ValueAnswer])[] {
	if (!isJsonObject(entry)) return [];
	const [id, status, value] = [jsonMember(entry, "id"), jsonMember(entry, "status"), jsonMember(entry, "value")];
	if (typeof id !== "string" || typeof status !== "number") return [];
	return [[id, { status, value: typeof value === "string" ? new Secret(value) : undefined }]];
}
