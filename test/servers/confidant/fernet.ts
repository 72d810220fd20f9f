import { createCipheriv, createHmac, randomBytes } from "node:crypto";

/**
 * Encrypts in the format of Fernet.
 * Source: the Fernet specification (github.com/fernet/spec), version 0x80.
 *
 * @param key 32 bytes: 16 to sign, 16 to encrypt
 */
export function sealFernet(key: Uint8Array, plaintext: string): string {
	const initialVector = randomBytes(16);
	const cipher = createCipheriv("aes-128-cbc", key.subarray(16), initialVector);
	const head = Buffer.alloc(9, 0x80);
	head.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000)), 1);
	const signed = Buffer.concat([head, initialVector, cipher.update(plaintext, "utf8"), cipher.final()]);
	const signature = createHmac("sha256", key.subarray(0, 16)).update(signed).digest();
	return padded(Buffer.concat([signed, signature]));
}

/** A key as KMS wraps it for Confidant's clients: its text, not its bytes. */
export function fernetKeyText(key: Uint8Array): string {
	return padded(key);
}

/** Fernet keeps the padding, which base64url of Node leaves out. */
function padded(bytes: Uint8Array): string {
	return Buffer.from(bytes).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}
