/** A number whose digits JavaScript would change, such as `1.0` or `12345678901234567890`; made by `JSON.rawJSON`. */
export interface RawNumber {
	readonly rawJSON: string;
}

export interface JsonObject {
	readonly [key: string]: JsonValue;
}

export type JsonValue = null | boolean | number | string | RawNumber | readonly JsonValue[] | JsonObject;

// Node has them since version 22 (ECMAScript "JSON.parse source text access"); TypeScript's library does not know them yet.
declare global {
	interface JSON {
		parse(text: string, reviver: (key: string, value: JsonValue, context: { readonly source?: string }) => JsonValue): JsonValue;
		rawJSON(text: string): RawNumber;
		isRawJSON(value: unknown): value is RawNumber;
	}
}

/** Deeper than any document that people or stores make, and shallow enough for every recursive reader of the result. */
const maximumDepth = 500;

const [quotationMark, backslash, openBracket, closeBracket, openBrace, closeBrace] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d];

/** Found in every text with a number that JavaScript writes differently: fractions, exponents, `-0`, 16 digits and more. */
const mayLoseDigits = /\d[.eE]|-0|\d{16}/;

/** A text that is no JSON. The message is a clause and repeats nothing of the text, which may be a secret. */
export class JsonError extends Error {
	override readonly name = "JsonError";
}

/**
 * Parses JSON without losing anything: `stringifyJson` gives every number back with its digits. A key
 * `__proto__` is a key like any other. Read members of objects with {@link jsonMember}, which knows
 * nothing of `constructor` and the like.
 *
 * @throws JsonError
 */
export function parseJson(text: string): JsonValue {
	if (nestsTooDeeply(text)) throw new JsonError(`nests deeper than ${maximumDepth} levels`);
	try {
		// The way with a reviver takes ten times as long, and few documents need it.
		return mayLoseDigits.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text);
	} catch {
		throw new JsonError("is not JSON");
	}
}

/** The JSON object that a text or the body of an answer is; undefined when it is anything else, such as a page of a proxy. */
export function parseJsonObject(text: Buffer | string): JsonObject | undefined {
	try {
		const value = parseJson(text.toString());
		return isJsonObject(value) ? value : undefined;
	} catch (error) {
		if (error instanceof JsonError) return undefined;
		throw error;
	}
}

/** Compact JSON text; numbers keep the digits they were parsed from. */
export function stringifyJson(value: JsonValue): string {
	return JSON.stringify(value);
}

/** The own member of an object; undefined when it has none, whatever its prototype offers. */
export function jsonMember(object: JsonObject, key: string): JsonValue | undefined {
	return Object.hasOwn(object, key) ? object[key] : undefined;
}

export function isRawNumber(value: unknown): value is RawNumber {
	return JSON.isRawJSON(value);
}

export function isJsonNumber(value: JsonValue | undefined): value is number | RawNumber {
	return typeof value === "number" || isRawNumber(value);
}

export function isJsonArray(value: JsonValue | undefined): value is readonly JsonValue[] {
	return Array.isArray(value);
}

export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
	return typeof value === "object" && value !== null && !Array.isArray(value) && !isRawNumber(value);
}

function keepDigits(_key: string, value: JsonValue, context: { readonly source?: string }): JsonValue {
	const { source } = context;
	if (typeof value !== "number" || source === undefined || String(value) === source) return value;
	return JSON.rawJSON(source);
}

/** Counts open brackets outside strings: recursion deep inside the parser, or later, must not meet the stack's end. */
function nestsTooDeeply(text: string): boolean {
	let depth = 0;
	let inString = false;
	for (let index = 0; index < text.length; index += 1) {
		const unit = text.charCodeAt(index);
		if (unit === backslash) index += 1;
		else if (unit === quotationMark) inString = !inString;
		else if (inString) continue;
		else if (unit === openBracket || unit === openBrace) depth += 1;
		else if (unit === closeBracket || unit === closeBrace) depth -= 1;
		if (depth > maximumDepth) return true;
	}
	return false;
}
