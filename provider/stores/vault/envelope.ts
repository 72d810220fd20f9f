import type { HttpAnswer } from "../../net/exchange.ts";
import { isJsonArray, type JsonObject, jsonMember, parseJsonObject } from "../../shared/json.ts";
import type { Secret } from "../../shared/secret.ts";

const longestServerText = 300;

/** The texts in one of the envelope's lists, `errors` or `warnings`. */
export function envelopeTexts(envelope: JsonObject | undefined, list: "errors" | "warnings"): readonly string[] {
	const texts = envelope === undefined ? undefined : jsonMember(envelope, list);
	return isJsonArray(texts) ? texts.filter((text) => typeof text === "string") : [];
}

/**
 * The server's own error texts, fit to be shown: without anything that was sent in confidence or
 * looks like a token, short, and without control characters that would break a log's lines.
 *
 * @param confidential what the request carried: the pod's token, the session's token
 * @returns undefined when the body is not what Vault answers with, and therefore not shown at all
 */
export function serverTexts(answer: HttpAnswer, confidential: readonly Secret[]): readonly string[] | undefined {
	const envelope = parseJsonObject(answer.body);
	const isVaults = envelope !== undefined && (isJsonArray(jsonMember(envelope, "errors")) || jsonMember(envelope, "data") !== undefined);
	return isVaults ? showableTexts(envelopeTexts(envelope, "errors"), confidential) : undefined;
}

export function showableTexts(texts: readonly string[], confidential: readonly Secret[]): readonly string[] {
	return texts.slice(0, 10).map((text) => showable(text, confidential));
}

function showable(text: string, confidential: readonly Secret[]): string {
	let shown = text;
	for (const secret of confidential) {
		if (secret.length > 0) shown = shown.replaceAll(secret.reveal().toString("utf8"), "[redacted]");
	}
	shown = shown.replace(/\beyJ[\w-]*(?:\.[\w-]*){1,4}|\b(?:hv[sbr]|[sbr])\.[\w-]{16,}/g, "[redacted]");
	// Only the two whitespace characters that Vault itself puts into its texts may stay.
	shown = shown.replace(/(?![\n\t])\p{Cc}/gu, "�");
	return shown.length > longestServerText ? `${shown.slice(0, longestServerText)}…` : shown;
}
