import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

const algorithm = "aes-256-gcm";
/** Bytes of every key here. */
export const keyLength = 32;
const nonceLength = 12;
const tagLength = 16;

/** Sealed bytes that are not what was sealed under this key and for this place: damaged, moved, or another key. */
export class AuthenticationError extends Error {
	override readonly name = "AuthenticationError";

	constructor() {
		super("Sealed bytes failed authentication.");
	}
}

/**
 * Encrypts with AES-256-GCM under a fresh random nonce.
 *
 * @param key 32 bytes
 * @param context the additional authenticated data: where the bytes belong
 * @returns nonce (12 bytes), ciphertext, tag (16 bytes)
 */
export function seal(key: Buffer, plaintext: Buffer, context: Buffer): Buffer {
	const nonce = randomBytes(nonceLength);
	const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagLength });
	cipher.setAAD(context);
	return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/**
 * Opens what {@link seal} made. Nothing decrypted leaves before the tag has proved it, and the tag's
 * length is fixed because Node 20 accepts shorter ones, which are easier to forge.
 *
 * @throws AuthenticationError
 */
export function open(key: Buffer, sealed: Buffer, context: Buffer): Buffer {
	if (sealed.length < nonceLength + tagLength) throw new AuthenticationError();
	const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceLength), { authTagLength: tagLength });
	decipher.setAAD(context);
	decipher.setAuthTag(sealed.subarray(sealed.length - tagLength));
	const unproven = decipher.update(sealed.subarray(nonceLength, sealed.length - tagLength));
	try {
		decipher.final();
		return unproven;
	} catch {
		unproven.fill(0);
		throw new AuthenticationError();
	}
}
