import { isJsonArray, isRawNumber, type JsonObject, type JsonValue } from "./json.ts";

/**
 * JSON text exactly as Go's encoding/json (1.22 and later) writes a decoded value whose numbers were kept as
 * `json.Number`: compact, object keys in byte order, `<`, `>`, `&` and the two line separators escaped, digits untouched.
 */
export function goJson(value: JsonValue): string {
	if (typeof value === "string") return goJsonString(value);
	if (isRawNumber(value)) return value.rawJSON;
	if (isJsonArray(value)) return `[${value.map(goJson).join(",")}]`;
	if (typeof value !== "object" || value === null) return JSON.stringify(value);
	return goJsonObject(value as JsonObject);
}

function goJsonObject(value: JsonObject): string {
	const members = Object.entries(value).map(([key, member]) => [Buffer.from(key, "utf8"), key, member] as const);
	members.sort(([left], [right]) => left.compare(right));
	return `{${members.map(([, key, member]) => `${goJsonString(key)}:${goJson(member)}`).join(",")}}`;
}

function goJsonString(text: string): string {
	// Go decodes a lone surrogate as U+FFFD, and therefore never writes one.
	return JSON.stringify(text.toWellFormed()).replace(/[<>&\u2028\u2029]/g, escapeUnit);
}

function escapeUnit(character: string): string {
	return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
