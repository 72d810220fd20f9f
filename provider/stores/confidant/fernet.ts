import { createDecipheriv, createHmac, timingSafeEqual } from "node:crypto";
import { decodeText } from "../../render/encoding.ts";

/** Version, time and initialization vector in front; the digest behind. */
const [ivStart, dataStart, digestLength, blockLength] = [9, 25, 32, 16] as const;
const version = 0x80;

/** Reads a key: 32 bytes in base64url, of which the first half signs and the second encrypts. Undefined when it is none. */
export function readFernetKey(text: string): Buffer | undefined {
	const key = decodeText(text, "base64url");
	return key?.length === 32 ? key : undefined;
}

/**
 * Opens a Fernet token, whatever its age. Nothing is decrypted before its digest has proved to be the key's.
 * Source: Fernet specification (github.com/fernet/spec): 0x80, 8 bytes of time, 16 of IV, AES-128-CBC with PKCS#7
 * padding, HMAC-SHA256 over all that.
 *
 * @param key of {@link readFernetKey}
 * @returns undefined when the token is damaged, or made with another key
 */
export function openFernet(key: Buffer, token: string): Buffer | undefined {
	const bytes = decodeText(token, "base64url");
	const end = (bytes?.length ?? 0) - digestLength;
	if (bytes === undefined || bytes[0] !== version || end < dataStart + blockLength || (end - dataStart) % blockLength !== 0)
		return undefined;
	const digest = createHmac("sha256", key.subarray(0, 16)).update(bytes.subarray(0, end)).digest();
	if (!timingSafeEqual(digest, bytes.subarray(end))) return undefined;
	const decipher = createDecipheriv("aes-128-cbc", key.subarray(16), bytes.subarray(ivStart, dataStart));
	try {
		return Buffer.concat([decipher.update(bytes.subarray(dataStart, end)), decipher.final()]);
	} catch {
		// Its maker has signed a text whose padding is none.
		return undefined;
	}
}
