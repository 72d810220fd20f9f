import { toText } from "../content.ts";
import { insideSingleQuotes, shellText } from "../formats/shell.ts";
import type { Fill, Piece, Report } from "./pieces.ts";
import { contentOf, reportPlace } from "./places.ts";

/** Where a place in a shell script lies; in each but the comment a value can be made harmless. */
type Context = "bare" | "single" | "double" | "comment";

const escapers: Readonly<Record<Context, (text: string) => string>> = {
	bare: (text) => `'${insideSingleQuotes(text)}'`,
	single: insideSingleQuotes,
	double: (text) => text.replace(/["\\$`]/g, "\\$&"),
	comment: () => "",
};

/** Quotes each value for the quotes that it stands in. Scripts that run commands inside of values are refused. */
export function compileShell(pieces: readonly Piece[], report: Report): Fill {
	const contexts: Context[] = [];
	let context: Context = "bare";
	let before = "\n";
	for (const piece of pieces) {
		if (typeof piece === "string") {
			context = contextAfter(piece, context, before, report);
			before = piece === "" ? before : piece;
			continue;
		}
		contexts[piece.index] = context;
		const problem = placeProblem(context, before);
		if (problem !== undefined) reportPlace(piece, problem, report);
		before = "'";
	}
	if (context === "single" || context === "double") report("ends inside of quotes", "Close the quote.");
	return (contents) =>
		pieces
			.map((piece) => {
				if (typeof piece === "string") return piece;
				const content = contentOf(contents, piece.index);
				return escapers[contexts[piece.index] ?? "bare"](shellText(toText(content), content.subject));
			})
			.join("");
}

function placeProblem(context: Context, before: string): string | undefined {
	if (context === "comment") return "a value into a comment";
	if (context === "single") return undefined;
	if (/(?<!\\)(?:\\\\)*\\$/.test(before)) return "a value right behind a backslash";
	return /\$\w*$/.test(before) ? "a value right behind a variable" : undefined;
}

const runsCommand = /^(?:`|\$\(|\$['"]|<<|\$\{(?![A-Za-z_]\w*\}))/;
const tokens: Readonly<Record<Context, RegExp>> = {
	bare: /\\.|['"`#]|\$[({'"]|<</gs,
	single: /'/g,
	double: /\\.|["`]|\$[({]/gs,
	comment: /\n/g,
};

/** Reads a piece of script and tells where its end lies. */
function contextAfter(text: string, start: Context, before: string, report: Report): Context {
	let context = start;
	let cursor = 0;
	for (;;) {
		const pattern = tokens[context];
		pattern.lastIndex = cursor;
		const match = pattern.exec(text);
		if (match === null) return context;
		cursor = pattern.lastIndex;
		const [token] = match;
		if (runsCommand.test(text.slice(match.index))) {
			report(
				`has ${JSON.stringify(token)}, whose inside this format does not follow`,
				"Write plain values, or set `format: raw`, which escapes nothing.",
			);
			return context;
		}
		context = next(context, token, text[match.index - 1] ?? before.at(-1) ?? "\n");
	}
}

function next(context: Context, token: string, previous: string): Context {
	if (context === "comment") return "bare";
	if (token === "#") return /[\s;&|()]/.test(previous) ? "comment" : context;
	if (token === "'") return context === "single" ? "bare" : "single";
	if (token === '"') return context === "double" ? "bare" : "double";
	return context;
}
