import { type Content, toText } from "../content.ts";
import type { Contents, Insertion, Piece, Report } from "./pieces.ts";

/** Stands for an optional object that is not there. */
const nothing: Content = { kind: "part", value: "", subject: "an object that is not there" };

export function contentOf(contents: Contents, index: number): Content {
	return contents[index] ?? nothing;
}

/** Private-use characters round an insertion's number stand for it while a grammar reads the text. */
const marker = /\uE000(\d+)\uE001/;
const everyMarker = new RegExp(marker, "g");

/** The template as one text with markers; undefined, and reported, when it holds such characters itself. */
export function markInsertions(pieces: readonly Piece[], report: Report): string | undefined {
	if (!pieces.some((piece) => typeof piece === "string" && /[\uE000\uE001]/.test(piece))) {
		return pieces.map((piece) => (typeof piece === "string" ? piece : `\uE000${piece.index}\uE001`)).join("");
	}
	report("holds the characters U+E000 or U+E001, which have no meaning of their own", "Remove them, or set `format: raw`.");
	return undefined;
}

/** The numbers of the insertions marked in a text, in order. */
export function markedIn(text: string): readonly number[] {
	return [...text.matchAll(everyMarker)].map((match) => Number(match[1]));
}

/** The number of the insertion that makes up the whole text. */
export function onlyMarker(text: string): number | undefined {
	const match = marker.exec(text);
	return match !== null && match[0].length === text.length ? Number(match[1]) : undefined;
}

/** The text with the values in place of the markers. */
export function fillMarkers(text: string, contents: Contents): string {
	return text.replace(everyMarker, (_, index) => toText(contentOf(contents, Number(index))));
}

/** The subject of a value that is put together: the first that goes into it. */
export function subjectOf(text: string, contents: Contents): string {
	return contentOf(contents, markedIn(text)[0] ?? -1).subject;
}

export function reportPlace({ position }: Insertion, place: string, report: Report): void {
	report(`inserts ${place} at ${position}`, "Insert it as a value, or set `format: raw`, which escapes nothing.");
}
