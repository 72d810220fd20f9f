import { constants, privateDecrypt, publicEncrypt, type RsaPrivateKey } from "node:crypto";
import { type Refusal, vaultRefusal } from "../refusal.ts";
import { identifier } from "./bundles.ts";
import type { KeyMaterial } from "./key-material.ts";
import type { Vault, Version } from "./vault.ts";

export const keyOperations = ["encrypt", "decrypt", "wrapkey", "unwrapkey"] as const;
export type KeyOperation = (typeof keyOperations)[number];

/** What the permission and the entry of `key_ops` for an operation are called. */
export const actionOf: Readonly<Record<KeyOperation, string>> = {
	encrypt: "encrypt",
	decrypt: "decrypt",
	wrapkey: "wrapKey",
	unwrapkey: "unwrapKey",
};

type Padding = Pick<RsaPrivateKey, "padding" | "oaepHash">;

const paddings: Readonly<Record<string, Padding>> = {
	"RSA-OAEP": { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha1" },
	"RSA-OAEP-256": { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" },
	RSA1_5: { padding: constants.RSA_PKCS1_PADDING },
};

/**
 * Carries out an operation with a version of a key. One that has expired, or is not yet valid, still
 * decrypts and unwraps; nothing new may be encrypted with it.
 *
 * @param body `KeyOperationsParameters`, `{"alg", "value"}` with the value in base64url
 * @returns `KeyOperationResult`, `{"kid", "value"}`
 * @throws Refusal 403 for an operation that the key is not for or too old for, 400 for an algorithm or a value that does not fit
 */
export function operateWith(version: Version, operation: KeyOperation, vault: Vault, name: string, body: string): object {
	const { content, id } = version;
	if (content.kind !== "keys") throw badParameter("Only keys have operations.");
	const action = actionOf[operation];
	if (!content.material.operations.includes(action))
		throw vaultRefusal(403, "Forbidden", `Operation ${action} is not permitted on this key.`, "KeyOperationForbidden");
	const encrypts = operation === "encrypt" || operation === "wrapkey";
	if (encrypts) refuseOutsideItsTime(version, action);
	return { kid: identifier(vault, "keys", name, id), value: compute(encrypts, content.material, body) };
}

function refuseOutsideItsTime({ options: { expires, notBefore } }: Version, action: string): void {
	const now = Date.now();
	const refuse = (state: string, code: string) =>
		vaultRefusal(403, "Forbidden", `Operation ${action} is not allowed on a key that ${state}.`, code);
	if (expires !== undefined && expires.getTime() <= now) throw refuse("has expired", "KeyExpired");
	if (notBefore !== undefined && notBefore.getTime() > now) throw refuse("is not yet valid", "KeyNotYetValid");
}

function compute(encrypts: boolean, { type, privateKey, publicKey }: KeyMaterial, body: string): string {
	const { alg, value } = readParameters(body);
	const padding = paddings[alg];
	if (padding === undefined || privateKey === undefined || publicKey === undefined || !type.startsWith("RSA"))
		throw badParameter(`Key and algorithm are not compatible. Key type is ${type}, algorithm is ${alg}.`);
	const input = Buffer.from(value, "base64url");
	try {
		const output = encrypts ? publicEncrypt({ key: publicKey, ...padding }, input) : privateDecrypt({ key: privateKey, ...padding }, input);
		return output.toString("base64url");
	} catch {
		throw badParameter("The parameter is incorrect.\r\n");
	}
}

function readParameters(body: string): { readonly alg: string; readonly value: string } {
	const fields = parse(body);
	if (typeof fields !== "object" || fields === null) throw badParameter("The request body is not valid JSON.");
	const { alg, value } = fields as { readonly alg?: unknown; readonly value?: unknown };
	if (typeof alg !== "string") throw badParameter("Property alg is required.");
	if (typeof value !== "string" || !/^[\w-]+$/.test(value)) throw badParameter("Property value is not valid base64url.");
	return { alg, value };
}

function parse(body: string): unknown {
	try {
		return JSON.parse(body);
	} catch {
		return undefined;
	}
}

function badParameter(message: string): Refusal {
	return vaultRefusal(400, "BadParameter", message);
}
