import { isJsonArray, isJsonNumber, isJsonObject, type JsonValue, stringifyJson } from "../../shared/json.ts";
import { toJson, wellFormed } from "../content.ts";
import type { Entry, Format } from "./format.ts";

/** YAML lets a key on one line be this long (YAML 1.2.2, 7.4.2); some characters take six places. */
const longestKey = 1024;

/**
 * YAML 1.2: one mapping, a line per name, everything quoted, so that `no`, `0644` and `1e3` stay texts
 * for readers of YAML 1.1 too. Numbers, lists and mappings stay what they are.
 */
export const yaml: Format = {
	nameProblem(name) {
		if (name === "") return "is empty";
		if (!name.isWellFormed()) return "holds half of a surrogate pair";
		return yamlText(name).length > longestKey ? `is longer than the ${longestKey} characters of a YAML key` : undefined;
	},
	encode(entries) {
		return entries.length === 0 ? "{}\n" : entries.map(line).join("");
	},
};

function line({ name, content }: Entry): string {
	return `${yamlText(name)}: ${yamlValue(toJson(content), content.subject)}\n`;
}

/** A value in YAML's flow style, on one line. */
export function yamlValue(value: JsonValue, subject: string): string {
	if (value === null || typeof value === "boolean" || isJsonNumber(value)) return stringifyJson(value);
	if (isJsonArray(value)) return `[${value.map((item) => yamlValue(item, subject)).join(", ")}]`;
	if (!isJsonObject(value)) return yamlText(wellFormed(value, subject));
	return `{${Object.entries(value)
		.map(([key, member]) => `${flowKey(wellFormed(key, subject))}: ${yamlValue(member, subject)}`)
		.join(", ")}}`;
}

/** A long key in a flow mapping needs the explicit form. */
function flowKey(key: string): string {
	const text = yamlText(key);
	return text.length > longestKey ? `? ${text} ` : text;
}

/** A double-quoted scalar: JSON's escapes, and those characters escaped that YAML does not let stand (5.1). */
export function yamlText(text: string): string {
	return JSON.stringify(text).replace(/[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g, escapeUnit);
}

function escapeUnit(character: string): string {
	return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
