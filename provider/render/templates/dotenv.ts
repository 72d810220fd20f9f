import { dotenvValue } from "../formats/dotenv.ts";
import { type Contents, type Fill, isInsertion, type Piece, type Report } from "./pieces.ts";
import { fillMarkers, markedIn, markInsertions, reportPlace, subjectOf } from "./places.ts";

/** A line whose value has insertions. */
interface Assignment {
	readonly before: string;
	/** The value's text, markers included, without its quotes and escapes. */
	readonly text: string;
	readonly after: string;
}

const assignment = /^(\s*(?:export\s+)?[\w.-]+\s*=[ \t]*)(.*)$/;
const quotedValue = /^(["'`])((?:(?!\1).)*)\1([ \t]*(?:#.*)?)$/;
const bareValue = /^([^#]*?)([ \t]*(?:#.*)?)$/;

/** Reads the lines as the npm package `dotenv` does, and quotes each value that has insertions anew as its text needs it. */
export function compileDotenv(pieces: readonly Piece[], report: Report): Fill {
	const source = markInsertions(pieces, report) ?? "";
	const lines = source.split("\n").map((line) => readLine(line, report));
	const placed = new Set(lines.flatMap((line) => (typeof line === "string" ? [] : markedIn(line.text))));
	for (const insertion of pieces.filter(isInsertion)) {
		if (!placed.has(insertion.index)) reportPlace(insertion, "a name, a comment or another thing that is no value", report);
	}
	return (contents) => lines.map((line) => (typeof line === "string" ? line : fillLine(line, contents))).join("\n");
}

function readLine(line: string, report: Report): string | Assignment {
	const [, name, rest] = assignment.exec(line.replace(/\r$/, "")) ?? [];
	if (name === undefined || rest === undefined) return line;
	const quotes = quotedValue.exec(rest);
	if (quotes === null && /^["'`]/.test(rest)) {
		report(`has a value at ${name.trim()} whose quote does not end on its line`, "Write line breaks as \\n inside double quotes.");
		return line;
	}
	const [, quote, text, after] = quotes ?? ["", "", ...(bareValue.exec(rest)?.slice(1) ?? [])];
	if (text === undefined || markedIn(text).length === 0) return line;
	const unescaped = quote === '"' ? text.replaceAll("\\n", "\n").replaceAll("\\r", "\r") : text;
	return { before: name, text: unescaped, after: after ?? "" };
}

function fillLine({ before, text, after }: Assignment, contents: Contents): string {
	return before + dotenvValue(fillMarkers(text, contents), `${subjectOf(text, contents)}, as ${before.trim()}…`) + after;
}
