import { ProviderError } from "../../errors.ts";
import { isJsonObject, type JsonObject, jsonMember } from "../../shared/json.ts";
import { type FailedRead, serverOf } from "./failures.ts";
import { readObject, textOf } from "./status.ts";

/** What one line of a watch says (meta/v1 WatchEvent, with the object's metadata alone). */
export type WatchEvent =
	/** The Secret is there, as of this version. */
	| { readonly kind: "object"; readonly resourceVersion: string | undefined }
	/** It was deleted. */
	| { readonly kind: "gone"; readonly resourceVersion: string | undefined }
	/** Nothing has happened up to this version. */
	| { readonly kind: "bookmark"; readonly resourceVersion: string | undefined }
	/** The server does not know any more what happened since the version at which the stream began. */
	| { readonly kind: "expired" };

const kinds = { ADDED: "object", MODIFIED: "object", DELETED: "gone", BOOKMARK: "bookmark" } as const;

/** @throws ProviderError `unreachable` when the line says something else */
export function readEvent(line: string, { instance }: Pick<FailedRead, "instance">): WatchEvent {
	const event = readObject(Buffer.from(line));
	const object = event === undefined ? undefined : jsonMember(event, "object");
	const type = event === undefined ? "" : textOf(event, "type");
	if (type === "ERROR" && isJsonObject(object) && jsonMember(object, "code") === 410) return { kind: "expired" };
	if (!isJsonObject(object) || !isKnown(type))
		throw new ProviderError("unreachable", `${serverOf(instance)} told something in a watch that is no event; it is tried again.`);
	return { kind: kinds[type], resourceVersion: versionOf(object) };
}

function isKnown(type: string): type is keyof typeof kinds {
	return Object.hasOwn(kinds, type);
}

function versionOf(object: JsonObject): string | undefined {
	const metadata = jsonMember(object, "metadata");
	const version = isJsonObject(metadata) ? textOf(metadata, "resourceVersion") : "";
	return version === "" ? undefined : version;
}
