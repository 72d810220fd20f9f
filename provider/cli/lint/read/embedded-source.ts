import type { Scalar } from "yaml";
import type { Position, Source } from "./source.ts";

/**
 * The value of a scalar as a text of its own, such as the YAML in the parameter `objects`. Folding,
 * indentation and blank lines change white space only, so that the n-th visible character of the value is the
 * n-th visible character of what is written; in quotes an escape counts as the character it stands for.
 */
export class EmbeddedSource implements Source {
	readonly text: string;
	readonly #outer: Source;
	readonly #start: number;
	readonly #scalar: Scalar;
	/** Where the visible characters are, here and in the outer text. */
	#own: readonly number[] | undefined;
	#written: readonly number[] | undefined;

	constructor(outer: Source, scalar: Scalar, text: string) {
		this.#outer = outer;
		this.#scalar = scalar;
		this.#start = scalar.range?.[0] ?? 0;
		this.text = text;
	}

	position(offset: number): Position {
		return this.#outer.position(this.#outerOffset(offset));
	}

	#outerOffset(offset: number): number {
		this.#own ??= offsetsOf(/\S/g, this.text, 0, this.text.length);
		this.#written ??= visibleOffsets(this.#scalar, this.#outer.text);
		return this.#written[countBelow(this.#own, offset)] ?? this.#written.at(-1) ?? this.#start;
	}
}

/** How many of the ascending numbers lie below a limit. */
function countBelow(ascending: readonly number[], limit: number): number {
	let [low, high] = [0, ascending.length];
	while (low < high) {
		const middle = (low + high) >> 1;
		if ((ascending[middle] ?? limit) < limit) low = middle + 1;
		else high = middle;
	}
	return low;
}

/** Where each visible UTF-16 unit of a scalar's value is written. */
function visibleOffsets(scalar: Scalar, text: string): readonly number[] {
	const [start, end] = scalar.range ?? [0, 0];
	if (scalar.type === "QUOTE_DOUBLE") return doubleQuotedOffsets(text, start + 1, end - 1);
	if (scalar.type === "QUOTE_SINGLE") return offsetsOf(/''|\S/g, text, start + 1, end - 1);
	const isBlock = scalar.type === "BLOCK_LITERAL" || scalar.type === "BLOCK_FOLDED";
	const header = isBlock ? text.indexOf("\n", start) : start;
	return header === -1 ? [] : offsetsOf(/\S/g, text, header, end);
}

function offsetsOf(pattern: RegExp, text: string, start: number, end: number): readonly number[] {
	return [...text.slice(start, end).matchAll(pattern)].map(({ index }) => start + index);
}

const escapeOrCharacter = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([\s\S]))|\S/g;
/** After a backslash these stand for white space: line breaks and blanks of all kinds. */
const blankEscapes = /[ntrvfLPN_\s]/;

function doubleQuotedOffsets(text: string, start: number, end: number): readonly number[] {
	const offsets: number[] = [];
	for (const match of text.slice(start, end).matchAll(escapeOrCharacter)) {
		const [, two, four, eight, letter] = match;
		const digits = two ?? four ?? eight;
		const code = digits === undefined ? undefined : Number.parseInt(digits, 16);
		const isBlank = letter !== undefined ? blankEscapes.test(letter) : code !== undefined && /\s/.test(String.fromCharCode(code));
		if (isBlank) continue;
		offsets.push(start + match.index);
		if (code !== undefined && code > 0xffff) offsets.push(start + match.index);
	}
	return offsets;
}
