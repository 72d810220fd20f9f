import { contentError, quoted, toText, wellFormed } from "../content.ts";
import { type Entry, environmentNameProblem, type Format } from "./format.ts";

/** Variables that shells let nobody set: a file with one of them ends the script that reads it. */
const readOnlyNames = new Set(["PPID", "UID", "EUID", "SHELLOPTS", "BASHOPTS", "BASH_VERSINFO"]);

/** Assignments for `set -a; . file` in any POSIX shell, each value in single quotes. */
export const shell: Format = {
	nameProblem(name) {
		return readOnlyNames.has(name) ? "is a variable that shells let nobody set" : environmentNameProblem(name);
	},
	encode(entries) {
		return entries.map(line).join("");
	},
};

function line({ name, content }: Entry): string {
	return `${name}='${insideSingleQuotes(shellText(toText(content), `${content.subject}, as ${quoted(name)}`))}'\n`;
}

/** A text that a shell can hold. */
export function shellText(text: string, subject: string): string {
	if (!text.includes("\0")) return wellFormed(text, subject);
	throw contentError(subject, "a NUL byte cannot stand in a shell variable", "Use another format, such as json, or add `encode: base64`.");
}

/** Nothing is special in single quotes but the quote itself. */
export function insideSingleQuotes(text: string): string {
	return text.replaceAll("'", "'\\''");
}
