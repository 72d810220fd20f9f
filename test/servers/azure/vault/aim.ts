import type { AzureRequest } from "../request.ts";
import { actionOf, type KeyOperation, keyOperations } from "./cryptography.ts";
import type { Kind } from "./vault.ts";

/** What a request to a vault is about. */
export interface Aim {
	readonly verb: "list" | "versions" | "get" | "deleted" | KeyOperation;
	readonly kind: Kind;
	/** Empty for a list. */
	readonly name: string;
	/** Empty for the newest. */
	readonly version: string;
}

/** What one of each kind is called in messages. */
export const nouns: Readonly<Record<Kind, string>> = { secrets: "secret", keys: "key", certificates: "certificate" };
const kinds = Object.keys(nouns) as readonly Kind[];

/** Undefined for what the stand-in, or the service, has no operation for. */
export function readAim({ method, path }: AzureRequest): Aim | undefined {
	const [collection = "", name = "", third = "", fourth = ""] = path;
	const kind = kinds.find((candidate) => collection === candidate || collection === `deleted${candidate}`);
	if (kind === undefined || path.length > 4) return undefined;
	if (collection !== kind)
		return method === "GET" && name !== "" && third === "" ? { verb: "deleted", kind, name, version: "" } : undefined;
	if (method === "GET" && fourth === "") return readGet(kind, name, third);
	const operation = keyOperations.find((candidate) => candidate === fourth.toLowerCase());
	return method === "POST" && kind === "keys" && operation !== undefined ? { verb: operation, kind, name, version: third } : undefined;
}

function readGet(kind: Kind, name: string, third: string): Aim {
	if (name === "") return { verb: "list", kind, name, version: "" };
	return third === "versions" ? { verb: "versions", kind, name, version: "" } : { verb: "get", kind, name, version: third };
}

/** What faults and calls know it as: `secrets/get`, `keys/unwrapkey`, `deletedsecrets/get`. */
export function operationName(aim: Aim | undefined): string {
	if (aim === undefined) return "none";
	return aim.verb === "deleted" ? `deleted${aim.kind}/get` : `${aim.kind}/${aim.verb}`;
}

/** The permission that it takes. */
export function permissionFor({ verb }: Aim): string {
	if (verb === "deleted") return "get";
	if (verb === "list" || verb === "get") return verb;
	return verb === "versions" ? "list" : actionOf[verb];
}
