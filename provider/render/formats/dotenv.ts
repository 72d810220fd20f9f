import { contentError, quoted, toText, wellFormed } from "../content.ts";
import { type Entry, environmentNameProblem, type Format } from "./format.ts";

/**
 * `.env` files as the npm package `dotenv` reads them: values in single, double or back quotes, in which only
 * double quotes know two escapes, `\n` and `\r`. So some values cannot be written, and are refused.
 */
export const dotenv: Format = {
	nameProblem(name) {
		// Readers that keep names in a plain JavaScript object lose this one.
		return name === "__proto__" ? "is lost by readers of dotenv files" : environmentNameProblem(name);
	},
	encode(entries) {
		return entries.map(line).join("");
	},
};

function line({ name, content }: Entry): string {
	return `${name}=${dotenvValue(toText(content), `${content.subject}, as ${quoted(name)}`)}\n`;
}

/** @throws ProviderError `invalid` naming the value when no way of quoting it exists */
export function dotenvValue(text: string, subject: string): string {
	wellFormed(text, subject);
	if (text.includes("\0")) throw cannotHold(subject, "a NUL byte");
	if (/^[\w./:@%+,=-]+$/.test(text)) return text;
	// A backslash before the closing quote hides it, so that reading goes on into the next lines.
	if (!text.endsWith("\\")) {
		for (const quote of ["'", "`"]) if (!/\r/.test(text) && !text.includes(quote)) return `${quote}${text}${quote}`;
		if (!/"|\\[nr]/.test(text)) return `"${text.replace(/\r/g, "\\r")}"`;
	}
	if (/^(?!['"`\s])[^#\r\n\u2028\u2029]+(?<!\s)$/.test(text)) return text;
	throw cannotHold(subject, "its mixture of quotes, line breaks and backslashes");
}

function cannotHold(subject: string, what: string) {
	return contentError(
		subject,
		`${what} cannot be written in a dotenv file`,
		"Use another format, such as shell or json, or add `encode: base64`.",
	);
}
