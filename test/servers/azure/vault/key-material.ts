import { createPublicKey, generateKeyPair, type KeyObject } from "node:crypto";
import { promisify } from "node:util";

export type KeyType = "RSA" | "RSA-HSM" | "EC" | "EC-HSM" | "oct-HSM";
export type Curve = "P-256" | "P-384" | "P-521" | "P-256K";

export interface KeyOptions {
	/** Default `RSA`. */
	readonly type?: KeyType;
	/** Of RSA keys; default 2048. */
	readonly bits?: number;
	/** Of EC keys; default `P-256`. */
	readonly curve?: Curve;
	/** Instead of a new one. */
	readonly privateKey?: KeyObject;
	/** Default: all of the type. */
	readonly operations?: readonly string[];
}

export interface KeyMaterial {
	readonly type: KeyType;
	readonly operations: readonly string[];
	/** Undefined for a symmetric key, which never leaves its module. */
	readonly privateKey: KeyObject | undefined;
	readonly publicKey: KeyObject | undefined;
}

const generate = promisify(generateKeyPair);
const nodeCurves: Readonly<Record<Curve, string>> = { "P-256": "P-256", "P-384": "P-384", "P-521": "P-521", "P-256K": "secp256k1" };

export async function makeKey(options: KeyOptions): Promise<KeyMaterial> {
	const { type = "RSA" } = options;
	const operations = options.operations ?? usualOperations(type);
	const privateKey = options.privateKey ?? (await newKey(type, options));
	return { type, operations, privateKey, publicKey: privateKey === undefined ? undefined : createPublicKey(privateKey) };
}

function usualOperations(type: KeyType): readonly string[] {
	if (type.startsWith("EC")) return ["sign", "verify"];
	if (type.startsWith("oct")) return ["encrypt", "decrypt", "wrapKey", "unwrapKey"];
	return ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"];
}

async function newKey(type: KeyType, { bits = 2048, curve = "P-256" }: KeyOptions): Promise<KeyObject | undefined> {
	if (type.startsWith("oct")) return undefined;
	if (type.startsWith("EC")) return (await generate("ec", { namedCurve: nodeCurves[curve] })).privateKey;
	return (await generate("rsa", { modulusLength: bits })).privateKey;
}

/** The public part as a JSON web key with Key Vault's names (RFC 7517, `P-256K` for secp256k1). */
export function publicJwk({ type, operations, publicKey }: KeyMaterial, kid: string): object {
	const common = { kid, kty: type, key_ops: operations };
	if (publicKey === undefined) return common;
	const { n, e, crv, x, y } = publicKey.export({ format: "jwk" });
	if (type.startsWith("RSA")) return { ...common, n, e };
	return { ...common, crv: crv === "secp256k1" ? "P-256K" : crv, x, y };
}
