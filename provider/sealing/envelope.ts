import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

const algorithm = "aes-256-gcm";
export const dataKeyLength = 32;
export const ivLength = 12;
export const tagLength = 16;

/** A value under a data key of its own (AES-256-GCM, NIST SP 800-38D). Nothing of it is secret. */
export interface Envelope {
	/** 12 random bytes. */
	readonly iv: Buffer;
	/** As long as the value. */
	readonly data: Buffer;
	/** 16 bytes, which prove data and context. */
	readonly tag: Buffer;
}

/**
 * Encrypts a value under a data key that encrypts nothing else.
 *
 * @param dataKey 32 bytes
 * @param context the additional authenticated data: what the value belongs to
 */
export function sealEnvelope(dataKey: Buffer, value: Buffer, context: Buffer): Envelope {
	const iv = randomBytes(ivLength);
	const cipher = createCipheriv(algorithm, dataKey, iv, { authTagLength: tagLength });
	cipher.setAAD(context);
	const data = Buffer.concat([cipher.update(value), cipher.final()]);
	return { iv, data, tag: cipher.getAuthTag() };
}

/**
 * Decrypts what {@link sealEnvelope} made; undefined when it is damaged or belongs to something else. Nothing
 * decrypted leaves before the tag has proved it, and a tag of another length, which is easier to forge, proves nothing.
 */
export function openEnvelope(dataKey: Buffer, { iv, data, tag }: Envelope, context: Buffer): Buffer | undefined {
	if (dataKey.length !== dataKeyLength || iv.length !== ivLength || tag.length !== tagLength) return undefined;
	const decipher = createDecipheriv(algorithm, dataKey, iv, { authTagLength: tagLength });
	decipher.setAAD(context);
	decipher.setAuthTag(tag);
	const unproven = decipher.update(data);
	try {
		decipher.final();
		return unproven;
	} catch {
		unproven.fill(0);
		return undefined;
	}
}
