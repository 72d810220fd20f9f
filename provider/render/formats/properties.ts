import { toText } from "../content.ts";
import type { Entry, Format } from "./format.ts";

/**
 * Java's properties files (java.util.Properties.load), in ASCII only, so that readers agree whether
 * they take the file as Latin-1 or as UTF-8.
 */
export const properties: Format = {
	nameProblem(name) {
		if (name === "") return "is empty";
		// Readers that keep names in a plain JavaScript object lose this one.
		return name === "__proto__" ? "is lost by some readers of properties files" : undefined;
	},
	encode(entries) {
		return entries.map(line).join("");
	},
};

function line({ name, content }: Entry): string {
	return `${propertiesText(name)}=${propertiesText(toText(content))}\n`;
}

const shortEscapes: Readonly<Record<string, string>> = { "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r" };

/** Escapes whatever ends, continues or comments out a line, or parts key from value: right in keys and values alike. */
export function propertiesText(text: string): string {
	return text.replace(/[\\:=#! ]/g, "\\$&").replace(/[^\x20-\x7e]/g, (unit) => shortEscapes[unit] ?? unicodeEscape(unit));
}

function unicodeEscape(unit: string): string {
	return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
