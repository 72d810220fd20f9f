import { type Document, LineCounter, parseAllDocuments, type Scalar, visit } from "yaml";
import { yamlHazard } from "../../shared/yaml-guard.ts";
import { toJson } from "../content.ts";
import { yamlValue } from "../formats/yaml.ts";
import { type Contents, type Fill, isInsertion, type Piece, type Report } from "./pieces.ts";
import { contentOf, fillMarkers, markedIn, markInsertions, onlyMarker, reportPlace, subjectOf } from "./places.ts";

/** A scalar of the template that has insertions. */
interface Slot {
	readonly start: number;
	readonly end: number;
	readonly plain: boolean;
	/** The scalar's text, markers included, without its quotes and escapes. */
	readonly text: string;
}

/**
 * Reads the template as YAML, and writes each scalar that has insertions anew, quoted where its text
 * needs it. Everything else stays as written, comments included. An unquoted scalar that is one
 * insertion takes numbers, lists and mappings as what they are.
 */
export function compileYaml(pieces: readonly Piece[], report: Report): Fill {
	const source = markInsertions(pieces, report);
	const slots = source === undefined ? undefined : readSlots(source, report);
	if (source === undefined || slots === undefined) return () => "";
	const placed = new Set(slots.flatMap((slot) => markedIn(slot.text)));
	for (const insertion of pieces.filter(isInsertion)) {
		if (!placed.has(insertion.index)) reportPlace(insertion, "a key, a comment or another thing that is no YAML value", report);
	}
	return (contents) => {
		let written = "";
		let end = 0;
		for (const slot of slots) {
			written += source.slice(end, slot.start) + fillSlot(slot, contents);
			end = slot.end;
		}
		return written + source.slice(end);
	};
}

function readSlots(source: string, report: Report): readonly Slot[] | undefined {
	const hazard = yamlHazard(source);
	if (hazard !== undefined) {
		report(hazard, "Simplify it, or set `format: raw`, which escapes nothing.");
		return undefined;
	}
	const lines = new LineCounter();
	// Its own check of keys, and its pretty errors, take time with the square of the text's length.
	const options = { schema: "failsafe", uniqueKeys: false, prettyErrors: false, lineCounter: lines, logLevel: "silent" } as const;
	const documents: readonly Document[] = parseAllDocuments(source, options);
	const problem = documents.flatMap((document) => document.errors)[0];
	if (problem === undefined) return documents.flatMap((document) => slotsOf(document, source)).sort((a, b) => a.start - b.start);
	const message = problem.message.replaceAll(/\uE000\d+\uE001/g, "{{…}}");
	report(
		`is not YAML: ${message} (line ${lines.linePos(problem.pos[0]).line})`,
		"Correct it, or set `format: raw`, which escapes nothing.",
	);
	return undefined;
}

function slotsOf(document: Document, source: string): readonly Slot[] {
	const slots: Slot[] = [];
	visit(document, {
		Scalar(position, node: Scalar) {
			if (position === "key" || !node.range || typeof node.value !== "string" || markedIn(node.value).length === 0) return;
			const [start, end] = node.range;
			// A block scalar's range takes in its last line break, which still has to end the line.
			slots.push({ start, end: start + source.slice(start, end).trimEnd().length, plain: node.type === "PLAIN", text: node.value });
		},
	});
	return slots;
}

function fillSlot(slot: Slot, contents: Contents): string {
	const only = slot.plain ? onlyMarker(slot.text) : undefined;
	const subject = subjectOf(slot.text, contents);
	const value = only === undefined ? fillMarkers(slot.text, contents) : toJson(contentOf(contents, only));
	if (typeof value !== "string") return yamlValue(value, subject);
	return slot.plain && mayStayPlain(value) ? value : yamlValue(value, subject);
}

/** Far fewer texts than YAML allows, so that readers of every version take it as this text. */
function mayStayPlain(text: string): boolean {
	const looksLikeConstant = /^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text);
	return !looksLikeConstant && /^[A-Za-z_/][\w./@%+=~-]*(?::[\w./@%+=~-]+)*$/.test(text);
}
