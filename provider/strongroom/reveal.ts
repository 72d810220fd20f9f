import { open } from "./cipher.ts";
import { joinDocument } from "./document.ts";
import { findHead, findParts, findVersion, nameDamage, type Part } from "./entries.ts";
import { type Content, unwrapKey, valueContext } from "./keys.ts";
import type { SecretAddress } from "./names.ts";
import { DamagedRowError, type Rows } from "./storage.ts";
import type { Keyring } from "./unseal.ts";

/** A value, decrypted. Whoever holds it overwrites it after use. */
export interface Revealed {
	readonly content: Content;
	readonly bytes: Buffer;
}

/**
 * Decrypts a value. This is the only module that can, and only the store that delivers to pods may import it.
 *
 * @param version the current one unless given
 * @returns undefined when there is no such secret or version, or it was destroyed
 * @throws ProviderError `unreachable` when the entry failed authentication
 */
export async function reveal(rows: Rows, keyring: Keyring, address: SecretAddress, version?: number): Promise<Revealed | undefined> {
	return nameDamage(address, async () => {
		const head = await findHead(rows, keyring, address);
		if (head === undefined || head.state === "deleted") return undefined;
		const found = await findVersion(rows, head, version ?? head.current);
		if (found === undefined || found.state === "destroyed") return undefined;
		const parts = await findParts(rows, keyring, address, head, found);
		return { content: found.content, bytes: assemble(keyring, parts) };
	});
}

function assemble(keyring: Keyring, parts: readonly Part[]): Buffer {
	const opened: Buffer[] = [];
	try {
		for (const part of parts) opened.push(openPart(keyring, part));
		const [first, ...members] = opened;
		if (first === undefined) throw new DamagedRowError("a version has no parts");
		return parts[0]?.place.layout === "members" ? joinDocument(first, members) : Buffer.from(first);
	} finally {
		for (const bytes of opened) bytes.fill(0);
	}
}

function openPart(keyring: Keyring, part: Part): Buffer {
	const key = unwrapKey(keyring, part.key, part.place);
	try {
		return open(key, part.sealed, valueContext(part.place));
	} finally {
		key.fill(0);
	}
}
