import { ProviderError } from "../../errors.ts";
import { isJsonObject, JsonError, type JsonObject, jsonMember, parseJson } from "../../shared/json.ts";
import type { Found } from "../store.ts";
import { type GcpEntry, legacyEntry } from "./entry.ts";
import { readYamlText, YamlTextError } from "./yaml-text.ts";

/**
 * What an entry's file holds: the whole value, or the text that stands under one key at the top of a JSON or YAML
 * document. A dot is part of the key.
 *
 * @throws ProviderError `invalid` when there is no such text
 */
export function contentsOf(found: Found, entry: GcpEntry): Buffer {
	const bytes = found.value.reveal();
	if (entry.jsonKey !== "") return Buffer.from(jsonText(bytes, entry));
	return entry.yamlKey === "" ? bytes : Buffer.from(yamlText(bytes, entry));
}

function jsonText(bytes: Buffer, entry: GcpEntry): string {
	const document = parseDocument(bytes, entry);
	const value = jsonMember(document, entry.jsonKey);
	if (value === undefined) throw missing(entry, "JSON");
	if (typeof value !== "string") throw wrongType(entry);
	if (value.isWellFormed()) return value;
	throw failure(entry, "holds half of a surrogate pair, which no text can", "Correct the value.");
}

function parseDocument(bytes: Buffer, entry: GcpEntry): JsonObject {
	try {
		const document = parseJson(decode(bytes, entry));
		if (isJsonObject(document)) return document;
	} catch (error) {
		if (!(error instanceof JsonError)) throw error;
	}
	const legacy = "failed to unmarshal JSON: Invalid JSON format for key extraction";
	throw failure(entry, "is wanted of a value that is no JSON object", "Store a JSON object, or remove extractJSONKey.", legacy);
}

function yamlText(bytes: Buffer, entry: GcpEntry): string {
	try {
		const text = readYamlText(decode(bytes, entry), entry.yamlKey);
		if (text !== undefined) return text;
	} catch (error) {
		if (!(error instanceof YamlTextError)) throw error;
		if (error.kind === "type") throw wrongType(entry);
		const legacy = "failed to unmarshal YAML: Invalid YAML format for key extraction";
		throw failure(entry, `is wanted of a value that ${error.message}`, "Store a YAML mapping, or remove extractYAMLKey.", legacy);
	}
	throw missing(entry, "YAML");
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function decode(bytes: Buffer, entry: GcpEntry): string {
	try {
		return utf8.decode(bytes);
	} catch {
		throw failure(entry, "is wanted of a value that is no UTF-8 text", "Remove the key to get the value as it is.");
	}
}

function keyOf({ jsonKey, yamlKey }: GcpEntry): string {
	return jsonKey || yamlKey;
}

function missing(entry: GcpEntry, format: "JSON" | "YAML"): ProviderError {
	const legacy = `key '${keyOf(entry)}' not found in ${format}`;
	return failure(entry, "does not stand at the top of the document", "Correct the key, which is case-sensitive, or store it.", legacy);
}

function wrongType(entry: GcpEntry): ProviderError {
	const legacy = `unsupported value type for key '${keyOf(entry)}'`;
	return failure(entry, "has a value that is no text", "Store a text there, with quotes around numbers, dates and booleans.", legacy);
}

/** Nothing of the value is in the message. */
function failure(entry: GcpEntry, cause: string, remedy: string, legacy?: string): ProviderError {
	const field = entry.jsonKey === "" ? "extractYAMLKey" : "extractJSONKey";
	return new ProviderError(
		"invalid",
		`${entry.path}.${field}: ${JSON.stringify(keyOf(entry).slice(0, 80))} of ${entry.resourceName} ${cause}.`,
		{
			remedy,
			stage: "read",
			...(legacy === undefined ? {} : { legacyText: legacyEntry(entry, legacy) }),
		},
	);
}
