import { ProviderError } from "../errors.ts";
import { isJsonArray, isJsonObject, JsonError, type JsonValue, jsonMember, parseJson, stringifyJson } from "../shared/json.ts";
import type { Found } from "../stores/store.ts";
import { keysOf } from "./keys.ts";

/**
 * What a recipe works on: a store's value as it came, bytes that were decoded, or a part of a JSON
 * document. `subject` says in messages what it is, such as `object "db", key "password"`. Of a value with a
 * `main` key, that part is what a file gets when nothing else was selected.
 */
export type Content =
	| { readonly kind: "whole"; readonly found: Found; readonly subject: string; readonly main?: string }
	| { readonly kind: "bytes"; readonly bytes: Buffer; readonly subject: string }
	| { readonly kind: "part"; readonly value: JsonValue; readonly subject: string };

const encodeRemedy = "Add `encode: base64`, or write it to a file of its own with `from`.";

/** The content as a file has it: a value as it came is the very same bytes. */
export function toBytes(content: Content): Buffer {
	if (content.kind === "whole") return wholeBytes(content);
	if (content.kind === "bytes") return content.bytes;
	return Buffer.from(wellFormed(toText(content), content.subject));
}

function wholeBytes(content: Extract<Content, { kind: "whole" }>): Buffer {
	const { found, main } = content;
	if (main !== undefined) return toBytes(mainPart(content, main));
	return found.structure === "keys" ? Buffer.from(stringifyJson(toDocument(content))) : found.value.reveal();
}

/** The content as text: strings as they are, numbers with their digits, lists and mappings as compact JSON. */
export function toText(content: Content): string {
	if (content.kind !== "part") return decodeUtf8(toBytes(content), content.subject);
	const { value, subject } = content;
	if (value === null) throw contentError(subject, "is null", "Store a value there, or leave it out here.");
	return typeof value === "string" ? value : stringifyJson(value);
}

/** The content as JSON has it: numbers, lists and mappings stay what they are, bytes are text. */
export function toJson(content: Content): JsonValue {
	if (content.kind === "whole" && content.found.structure !== "bytes" && content.main === undefined) return toDocument(content);
	if (content.kind !== "part" || content.value === null) return toText(content);
	return content.value;
}

const documents = new WeakMap<Content | Found, JsonValue>();

/** The content as a JSON document to select from. Text is parsed, and each value only once. */
export function toDocument(content: Content): JsonValue {
	if (content.kind === "part" && typeof content.value !== "string") return content.value;
	const source = content.kind === "whole" ? content.found : content;
	const known = documents.get(source);
	if (known !== undefined) return known;
	const document = readDocument(content);
	documents.set(source, document);
	return document;
}

function readDocument(content: Content): JsonValue {
	const keys = content.kind === "whole" ? keysOf(content.found) : undefined;
	if (keys !== undefined) return textsOf(keys, content.subject);
	const text = content.kind === "whole" ? decodeUtf8(content.found.value.reveal(), content.subject) : toText(content);
	return parse(text.replace(/^\uFEFF/, ""), content.subject);
}

/** Keys as JSON has them. Bytes that are no text have no place there. */
function textsOf(keys: ReadonlyMap<string, Buffer>, subject: string): JsonValue {
	const remedy = "Select the keys one by one with `key`, or write all of them to files with `expand`.";
	return Object.fromEntries([...keys].map(([key, bytes]) => [key, decodeUtf8(bytes, `${subject}, key ${quoted(key)}`, remedy)]));
}

/** What stands for a value as a whole. */
function mainPart(content: Content, key: string): Content {
	const document = toDocument(content);
	const value = isJsonObject(document) ? jsonMember(document, key) : undefined;
	if (typeof value === "string") return { kind: "part", value, subject: content.subject };
	throw contentError(content.subject, `has no text under ${quoted(key)}, which stands for it`, "Select another part of it with `key`.");
}

export function contentError(subject: string, cause: string, remedy: string): ProviderError {
	return new ProviderError("invalid", `${subject}: ${cause}.`, { remedy });
}

/** Refuses a text that UTF-8 cannot write: half of a surrogate pair, which JSON lets through as `\ud800`. */
export function wellFormed(text: string, subject: string): string {
	if (text.isWellFormed()) return text;
	throw contentError(subject, "holds half of a surrogate pair, which no UTF-8 text can", "Correct the value in the store.");
}

/** A name from a document or a parameter for a message: shortened, and without control characters. */
export function quoted(name: string): string {
	return JSON.stringify(name.length > 80 ? `${name.slice(0, 77)}…` : name);
}

/** How a document's outermost shape is called in messages. */
export function shapeOf(value: JsonValue): string {
	if (isJsonObject(value)) return "a mapping";
	if (isJsonArray(value)) return "a list";
	return value === null ? "null" : `a ${typeof value === "object" ? "number" : typeof value}`;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeUtf8(bytes: Buffer, subject: string, remedy = encodeRemedy): string {
	try {
		return utf8.decode(bytes);
	} catch {
		throw contentError(subject, "is binary, not UTF-8 text", remedy);
	}
}

function parse(text: string, subject: string): JsonValue {
	try {
		return parseJson(text);
	} catch (error) {
		const cause = error instanceof JsonError ? error.message : "is not JSON";
		throw contentError(
			subject,
			`${cause}, so no part of it can be selected`,
			"Take the value as a whole: leave out key, jmespath and expand.",
		);
	}
}
