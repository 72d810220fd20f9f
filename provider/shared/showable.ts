import type { Secret } from "./secret.ts";

const longestText = 300;

/**
 * What a server said, fit to be shown: without anything that was sent in confidence or looks like a token, short, and
 * without control characters that would break a log's lines.
 *
 * @param confidential what the call carried
 * @param tokens what looks like a token of that server's; global, so that every one goes
 */
export function showableText(text: string, confidential: readonly Secret[], tokens: RegExp): string {
	let shown = text;
	for (const secret of confidential) {
		if (secret.length > 0) shown = shown.replaceAll(secret.reveal().toString("utf8"), "[redacted]");
	}
	shown = shown
		.replace(tokens, "[redacted]")
		.replace(/\s+/g, " ")
		.replace(/\p{Cc}/gu, "�")
		.trim();
	return shown.length > longestText ? `${shown.slice(0, longestText)}…` : shown;
}
