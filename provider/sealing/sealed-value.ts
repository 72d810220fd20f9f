import { CompactEncrypt, compactDecrypt, errors } from "jose";
import { isJsonObject, type JsonObject, jsonMember } from "../shared/json.ts";
import { decodeBase64Url } from "./base64url.ts";
import { parseProtectedHeader } from "./jwe.ts";
import { audienceHeader } from "./jwe-audience.ts";
import type { SealingKey } from "./sealing-key.ts";
import type { SealedFor, Workload } from "./workload.ts";

/** The format's version, in every header: another one is another type. */
const type = "claviger-sealed-1";
/** X25519 agrees on the key of AES-256-GCM with a one-time key: RFC 7518, sections 4.6 and 5.3, and RFC 8037, section 3.2. */
const algorithms = { alg: "ECDH-ES", enc: "A256GCM" } as const;

/** Longer than 160 KiB of a value make. */
export const maximumSealedLength = 256 * 1024;
const members = ["alg", "aud", "enc", "epk", "kid", "sub", "typ"];
const keyMembers = ["crv", "kty", "x"];
/** A thumbprint: 32 bytes in base64url. */
const keyIdForm = /^[\w-]{43}$/;
const audienceForm = /^([^/]{1,63})\/([^/]{1,253})$/;
const publicKeyLength = 32;
const ivLength = 12;
const tagLength = 16;

/** A sealed value taken apart. What it says of itself is proved when it opens, and not before. */
export interface SealedValue {
	readonly text: string;
	/** Of the key that it was sealed for. */
	readonly keyId: string;
	/** Whose it says that it is; an empty text where it says nothing. */
	readonly sealedFor: SealedFor;
}

/**
 * Encrypts a value for the pods of one service account or namespace. Anybody may who has the public key, and nobody
 * reads it again who has not the private one.
 *
 * @returns a JWE in compact form (RFC 7516); in its protected header `aud`, `sub` and `kid`, which its tag proves
 */
export async function sealValue(value: Buffer, { id, key }: SealingKey, sealedFor: SealedFor): Promise<string> {
	const header = { ...algorithms, typ: type, kid: id, ...audienceHeader(sealedFor) };
	return new CompactEncrypt(value).setProtectedHeader(header).encrypt(key);
}

/** Takes a sealed value apart, and accepts nothing that sealing does not make. @returns why it is none, as a clause */
export function parseSealedValue(text: string): SealedValue | string {
	if (text.length > maximumSealedLength) return `is longer than ${maximumSealedLength} characters`;
	const [header = "", ...parts] = text.split(".");
	const [encryptedKey, iv, data, tag] = parts.map(decodeBase64Url);
	const isWhole =
		parts.length === 4 && encryptedKey?.length === 0 && iv?.length === ivLength && data !== undefined && tag?.length === tagLength;
	const fields = isWhole ? parseProtectedHeader(header) : undefined;
	if (fields === undefined) return "is no sealed value, or is damaged";
	if (jsonMember(fields, "typ") !== type) return `is of another format than ${type}`;
	const keyId = jsonMember(fields, "kid");
	const sealedFor = readAudience(fields);
	const isKeyId = typeof keyId === "string" && keyIdForm.test(keyId);
	if (!hasKnownForm(fields) || !isKeyId || sealedFor === undefined) return "has a header that sealing does not make";
	return { text, keyId, sealedFor };
}

/** Whether it says that it is for these pods. */
export function isSealedFor({ sealedFor }: SealedValue, { namespace, serviceAccount }: Workload): boolean {
	return sealedFor.namespace === namespace && (sealedFor.kind === "namespace" || sealedFor.serviceAccount === serviceAccount);
}

/** Decrypts it, which proves all that it says of itself; undefined when it is damaged, or was sealed for another key. */
export async function openSealedValue({ text }: SealedValue, { key }: SealingKey): Promise<Buffer | undefined> {
	const options = { keyManagementAlgorithms: [algorithms.alg], contentEncryptionAlgorithms: [algorithms.enc] };
	try {
		const { plaintext } = await compactDecrypt(text, key, options);
		return Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength);
	} catch (error) {
		// A one-time key that agrees on nothing (RFC 7748, section 6.1) is refused by the engine in words of its own.
		if (error instanceof errors.JOSEError || error instanceof DOMException) return undefined;
		throw error;
	}
}

/** The inverse of {@link audienceHeader}. Neither name holds a slash, and no service account is called `*`. */
function readAudience(fields: JsonObject): SealedFor | undefined {
	const [audience, object] = ["aud", "sub"].map((name) => jsonMember(fields, name));
	if (typeof audience !== "string" || (object !== undefined && typeof object !== "string")) return undefined;
	const [, namespace, serviceAccount] = audienceForm.exec(audience) ?? [];
	if (namespace === undefined || serviceAccount === undefined) return undefined;
	if (serviceAccount !== "*")
		return { kind: object === undefined ? "serviceAccount" : "object", namespace, serviceAccount, object: object ?? "" };
	return object === undefined ? { kind: "namespace", namespace, serviceAccount: "", object: "" } : undefined;
}

function hasKnownForm(fields: JsonObject): boolean {
	const known = Object.keys(fields).every((name) => members.includes(name));
	const isAlgorithm = jsonMember(fields, "alg") === algorithms.alg && jsonMember(fields, "enc") === algorithms.enc;
	const key = jsonMember(fields, "epk");
	if (!known || !isAlgorithm || key === undefined || !isJsonObject(key)) return false;
	const x = jsonMember(key, "x");
	const isPoint = typeof x === "string" && decodeBase64Url(x)?.length === publicKeyLength;
	return (
		isPoint &&
		jsonMember(key, "kty") === "OKP" &&
		jsonMember(key, "crv") === "X25519" &&
		Object.keys(key).every((name) => keyMembers.includes(name))
	);
}
