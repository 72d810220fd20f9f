import { JsonError, parseJson, stringifyJson } from "../../shared/json.ts";
import { toJson, toText } from "../content.ts";
import type { Fill, Piece, Report } from "./pieces.ts";
import { contentOf } from "./places.ts";

/** Inside a JSON string a value is escaped text; elsewhere it is a whole JSON value, numbers and mappings included. */
export function compileJson(pieces: readonly Piece[], report: Report): Fill {
	const inString = new Set<number>();
	let open = false;
	for (const piece of pieces) {
		if (typeof piece === "string") open = endsInString(piece, open);
		else if (open) inString.add(piece.index);
	}
	checkSample(pieces.map((piece) => (typeof piece === "string" ? piece : inString.has(piece.index) ? "x" : "null")).join(""), report);
	return (contents) =>
		pieces
			.map((piece) => {
				if (typeof piece === "string") return piece;
				const content = contentOf(contents, piece.index);
				return inString.has(piece.index) ? JSON.stringify(toText(content)).slice(1, -1) : stringifyJson(toJson(content));
			})
			.join("");
}

function endsInString(text: string, open: boolean): boolean {
	const quotes = text.match(/\\.|"/gs)?.filter((found) => found === '"').length ?? 0;
	return quotes % 2 === 1 ? !open : open;
}

/** With a harmless value at every insertion the template must be JSON; an insertion after a backslash is none. */
function checkSample(sample: string, report: Report): void {
	try {
		parseJson(sample);
	} catch (error) {
		if (!(error instanceof JsonError)) throw error;
		report(`${error.message} with a value at each insertion`, "Correct it, or set `format: raw`, which escapes nothing.");
	}
}
