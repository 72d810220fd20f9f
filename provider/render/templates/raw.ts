import { toBytes } from "../content.ts";
import type { Fill, Piece } from "./pieces.ts";
import { contentOf } from "./places.ts";

/** Nothing is escaped, and binary values stay what they are. */
export function compileRaw(pieces: readonly Piece[]): Fill {
	return (contents) =>
		Buffer.concat(pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece) : toBytes(contentOf(contents, piece.index)))));
}
