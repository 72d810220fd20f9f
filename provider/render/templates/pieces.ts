import type { Content } from "../content.ts";
import { parseReference, type Reference } from "../reference.ts";

/** A place in a template where a value goes. */
export interface Insertion {
	/** Counts from 0 through the template. */
	readonly index: number;
	readonly reference: Reference;
	/** Such as `line 3, column 7`. */
	readonly position: string;
}

export type Piece = string | Insertion;

/** One content for each insertion, in order; undefined for an optional object that is not there. */
export type Contents = readonly (Content | undefined)[];

/** Fills a compiled template. */
export type Fill = (contents: Contents) => Buffer | string;

/** Hears of each thing wrong with a template: a clause with its position, and what to write instead. */
export type Report = (problem: string, remedy: string) => void;

const maximumInsertions = 1_000;
const literalBraces = '"{{"';
const howToWrite = 'Write {{object}}, {{object.key}} or {{object["odd.key"]}}, and {{"{{"}} for two braces.';

/**
 * Cuts a template at its double braces. Literal texts and insertions alternate; texts come first and
 * last and may be empty. There are no sections, partials, filters or functions.
 */
export function readPieces(template: string, report: Report): readonly Piece[] {
	const pieces: Piece[] = [];
	let literal = "";
	let index = 0;
	for (let cursor = 0; cursor < template.length; ) {
		const open = template.indexOf("{{", cursor);
		if (open === -1) {
			literal += template.slice(cursor);
			break;
		}
		literal += template.slice(cursor, open);
		const position = positionOf(template, open);
		const tag = readTag(template, open);
		if (tag === undefined) {
			report(`has {{ without }} at ${position}`, howToWrite);
			break;
		}
		cursor = tag.end;
		if (tag.text === literalBraces) {
			literal += "{{";
			continue;
		}
		const reference = parseReference(tag.text);
		if (reference === undefined) {
			report(`has something else than a name between the braces at ${position}`, howToWrite);
			continue;
		}
		pieces.push(literal, { index, reference, position });
		literal = "";
		index += 1;
	}
	if (index > maximumInsertions) report(`has more than ${maximumInsertions} insertions`, "Divide it into several files.");
	return [...pieces, literal];
}

export function isInsertion(piece: Piece): piece is Insertion {
	return typeof piece !== "string";
}

/** What stands between the braces, trimmed. Braces inside of quotes are part of a key's name. */
function readTag(template: string, open: number): { readonly text: string; readonly end: number } | undefined {
	tagPattern.lastIndex = open;
	const match = tagPattern.exec(template);
	return match === null ? undefined : { text: (match[1] ?? "").trim(), end: tagPattern.lastIndex };
}

const tagPattern = /\{\{((?:"(?:[^"\\\n]|\\.)*"|[^"}\n]|\}(?!\}))*)\}\}/y;

function positionOf(template: string, offset: number): string {
	const before = template.slice(0, offset);
	return `line ${before.split("\n").length}, column ${offset - before.lastIndexOf("\n")}`;
}
