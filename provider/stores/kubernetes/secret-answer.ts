import { decodeText } from "../../render/encoding.ts";
import { isJsonObject, type JsonObject, jsonMember } from "../../shared/json.ts";
import { Secret } from "../../shared/secret.ts";
import type { Found } from "../store.ts";
import type { KubernetesRef } from "./ref.ts";
import { readObject, textOf } from "./status.ts";

/** What a read tells of a Secret beside its value. */
export interface Seen {
	/** Undefined when there is no such Secret, or it may not be read. */
	readonly resourceVersion: string | undefined;
	/** Its data can never change. */
	readonly isImmutable: boolean;
}

/**
 * Reads a Secret (core/v1). Its value is made of its data alone, so labels, annotations and the resource version, which
 * moves with them, change nothing.
 *
 * @returns undefined when the answer is no such Secret
 */
export function readSecret(body: Buffer, ref: KubernetesRef): { readonly found: Found; readonly seen: Seen } | undefined {
	const object = readObject(body);
	const metadata = object === undefined ? undefined : jsonMember(object, "metadata");
	if (object === undefined || textOf(object, "kind") !== "Secret" || !isJsonObject(metadata)) return undefined;
	if (textOf(metadata, "name") !== ref.secret || textOf(metadata, "namespace") !== ref.namespace) return undefined;
	const value = dataOf(object);
	if (value === undefined) return undefined;
	const resourceVersion = textOf(metadata, "resourceVersion");
	return {
		found: { kind: "found", value, structure: "keys" },
		seen: { resourceVersion: resourceVersion === "" ? undefined : resourceVersion, isImmutable: jsonMember(object, "immutable") === true },
	};
}

/** The data with its keys in order, each still in base64; undefined when it is not such data. */
function dataOf(object: JsonObject): Secret | undefined {
	// A Secret without keys has no data at all.
	const data = jsonMember(object, "data") ?? {};
	if (!isJsonObject(data)) return undefined;
	const entries = Object.entries(data).sort(([one], [other]) => (one < other ? -1 : 1));
	if (!entries.every(([, text]) => typeof text === "string" && decodeText(text, "base64") !== undefined)) return undefined;
	return new Secret(JSON.stringify(Object.fromEntries(entries)));
}
