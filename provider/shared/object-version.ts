import { createHmac, type KeyObject } from "node:crypto";

/**
 * The version of an object that the driver records in SecretProviderClassPodStatus, where many may
 * read it: a keyed hash, so that it moves exactly when the content moves and short secrets cannot be
 * guessed from it. Equal on all nodes that share the key.
 *
 * @returns 44 characters: base64url of HMAC-SHA-256, with padding
 */
export function objectVersion(key: KeyObject, name: string, content: Buffer): string {
	const nameBytes = Buffer.from(name, "utf8");
	const length = Buffer.alloc(4);
	length.writeUInt32BE(nameBytes.length);
	// The length in front keeps name and content apart, however they are cut.
	const digest = createHmac("sha256", key).update(length).update(nameBytes).update(content).digest("base64url");
	return `${digest}=`;
}
