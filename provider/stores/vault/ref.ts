import type { Fields } from "../../plan/fields.ts";
import type { YamlNode } from "../../plan/yaml.ts";
import { goJson } from "../../shared/go-json.ts";
import { resolveGoScalar } from "../../shared/go-scalar.ts";
import { isJsonObject, JsonError, type JsonObject, type JsonValue, parseJson } from "../../shared/json.ts";
import type { Ref } from "../store.ts";
import { isLikelyLeased } from "./lease.ts";
import { readSecretPath } from "./secret-path.ts";

/** One request of the HTTP API whose answer holds a secret. */
export interface VaultRef extends Ref {
	readonly leased: boolean;
	/** The path as its author wrote it, for messages. */
	readonly shown: string;
	readonly method: string;
	/** See {@link readSecretPath}. */
	readonly path: string;
	/** JSON, sent with any method. */
	readonly body: string | undefined;
	/** True when the value is the server's whole answer, as the compatible dialects need it; else it is the secret's data. */
	readonly whole: boolean;
}

/** The body belongs to the key: the same path with other arguments is another thing. */
export function makeRef(parts: Omit<VaultRef, "key" | "leased">): VaultRef {
	const { method, path, body, whole } = parts;
	return { ...parts, leased: isLikelyLeased(method, path), key: JSON.stringify([method, path, body ?? null, whole]) };
}

/** HTTP methods are sent as written; this is what a method may be made of. */
export function isMethod(text: string): boolean {
	return /^[A-Za-z]{1,20}$/.test(text);
}

/** Reads the place of an object of the native dialect: `path`, `method`, `args`, `version`. */
export function readRef(fields: Fields): VaultRef {
	const shown = fields.required("path", "Write it as secret/data/app.");
	const version = fields.text("version");
	if (version !== undefined && !/^\d{1,9}$/.test(version))
		fields.reject("version", "is not a number", "Write the number of a KV v2 version.");
	const method = fields.text("method") || "GET";
	if (!isMethod(method)) fields.reject("method", "is no HTTP method", "Write GET, LIST, POST or PUT.");
	const args = readArguments(fields);
	const found = shown === "" ? { path: "/" } : readSecretPath(shown, version);
	if ("problem" in found) fields.reject("path", found.problem, found.remedy);
	const path = "problem" in found ? "/" : found.path;
	return makeRef({ shown, method, path, body: args === undefined ? undefined : goJson(args), whole: false });
}

/**
 * The arguments: a mapping whose scalars have the type they look like, or JSON text for those who
 * need `"5"` to stay a text.
 */
function readArguments(fields: Fields): JsonObject | undefined {
	const node = fields.node("args");
	if (node === undefined || node === "") return undefined;
	const value = typeof node === "string" ? parseArguments(node) : typedValue(node);
	if (isJsonObject(value)) return value;
	fields.reject("args", "is neither a mapping nor a JSON object", "Write it as {ttl: 1h}.");
	return undefined;
}

function parseArguments(text: string): JsonValue | undefined {
	try {
		return parseJson(text);
	} catch (error) {
		if (error instanceof JsonError) return undefined;
		throw error;
	}
}

function typedValue(node: YamlNode): JsonValue {
	if (typeof node === "string") {
		const { tag, value } = resolveGoScalar(node);
		const isSendable = tag !== "!!timestamp" && (typeof value !== "number" || Number.isFinite(value));
		return isSendable ? value : node;
	}
	if (node instanceof Map) return Object.fromEntries([...node].map(([key, value]) => [key, typedValue(value)]));
	return (node as readonly YamlNode[]).map(typedValue);
}
