import { isJsonArray, isRawNumber, type JsonValue, type RawNumber, stringifyJson } from "../shared/json.ts";

/** What is wrong with an expression or its use, as a clause without any part of the document. */
export class ExpressionError extends Error {
	override readonly name = "ExpressionError";
}

/**
 * Keeps the digits of numbers through an evaluation, which knows JavaScript's numbers only. The
 * expression runs on a copy with such numbers, so that it can compare and compute; in the result
 * each number is then written as the document writes it.
 */
export class DigitKeeper {
	readonly #document: JsonValue;
	readonly #spellings = new Map<number, Set<string>>();
	#hasRawNumbers = false;

	constructor(document: JsonValue) {
		this.#document = document;
	}

	/** A copy that an evaluation may change and whose objects inherit nothing. */
	numericCopy(): JsonValue {
		return copy(this.#document, (number) => {
			const value = Number(digitsOf(number));
			this.#hasRawNumbers ||= isRawNumber(number);
			const spellings = this.#spellings.get(value) ?? new Set();
			this.#spellings.set(value, spellings.add(digitsOf(number)));
			return value;
		});
	}

	/** A copy in which a number with special digits is an opaque thing: it can be selected, not computed with. */
	exactCopy(): JsonValue {
		return copy(this.#document, (number) => number);
	}

	/**
	 * @param result what the expression gave for {@link numericCopy}
	 * @param exactly evaluates it for {@link exactCopy}; needed when the document has 1 beside 1.0
	 * @throws ExpressionError when the digits cannot be told, or the result is no JSON
	 */
	restore(result: unknown, exactly: () => unknown): JsonValue {
		let ambiguous = false;
		const restored = copy(asJson(result), (number) => {
			const spellings = [...(this.#spellings.get(Number(digitsOf(number))) ?? [])];
			ambiguous ||= spellings.length > 1;
			const spelling = spellings[0];
			if (!this.#hasRawNumbers || spelling === undefined) return Number.isFinite(number) ? number : null;
			return String(number) === spelling ? number : JSON.rawJSON(spelling);
		});
		if (!ambiguous) return restored;
		const exact = asJson(exactly());
		const image = copy(exact, (number) => Number(digitsOf(number)));
		if (stringifyJson(image) === JSON.stringify(result)) return exact;
		throw new ExpressionError("compares or computes with numbers that the document writes in several ways, such as 1 and 1.0");
	}
}

function digitsOf(number: number | RawNumber): string {
	return isRawNumber(number) ? number.rawJSON : String(number);
}

function copy(value: JsonValue, number: (value: number | RawNumber) => JsonValue): JsonValue {
	if (typeof value === "number" || isRawNumber(value)) return number(value);
	if (value === null || typeof value !== "object") return value;
	if (isJsonArray(value)) return value.map((item) => copy(item, number));
	const entries = Object.entries(value).map(([key, member]) => [key, copy(member, number)] as const);
	return Object.setPrototypeOf(Object.fromEntries(entries), null);
}

/** Lets nothing but JSON out of an evaluation: an object made by an expression inherits functions that it can reach. */
function asJson(value: unknown): JsonValue {
	if (value === null || value === undefined) return null;
	if (typeof value === "string" || typeof value === "boolean" || typeof value === "number" || isRawNumber(value)) return value;
	if (Array.isArray(value)) return value.map(asJson);
	if (typeof value !== "object" || !isPlain(value)) throw new ExpressionError("selects something that is no JSON value");
	return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, asJson(member)]));
}

function isPlain(value: object): boolean {
	const prototype: unknown = Object.getPrototypeOf(value);
	return value !== Object.prototype && (prototype === null || prototype === Object.prototype);
}
