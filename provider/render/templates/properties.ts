import { toText } from "../content.ts";
import { propertiesText } from "../formats/properties.ts";
import type { Fill, Piece, Report } from "./pieces.ts";
import { contentOf, reportPlace } from "./places.ts";

/** A value is escaped alike wherever it stands; only behind a backslash its first character would be swallowed. */
export function compileProperties(pieces: readonly Piece[], report: Report): Fill {
	let before = "";
	for (const piece of pieces) {
		if (typeof piece === "string") before = piece;
		else if (/(?<!\\)(?:\\\\)*\\$/.test(before)) reportPlace(piece, "a value right behind a backslash", report);
	}
	return (contents) =>
		pieces.map((piece) => (typeof piece === "string" ? piece : propertiesText(toText(contentOf(contents, piece.index))))).join("");
}
