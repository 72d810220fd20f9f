import { ProviderError } from "../errors.ts";
import { encodeFields } from "../shared/canonical.ts";
import { open, seal } from "./cipher.ts";
import type { SecretAddress } from "./names.ts";
import { DamagedRowError, numberOf, type Rows } from "./storage.ts";
import { type Keyring, UnknownGenerationError } from "./unseal.ts";

/** `json`: the value is JSON text. `bytes`: anything. */
export const contents = ["bytes", "json"] as const;
export type Content = (typeof contents)[number];

/** `whole`: one part. `members`: a frame, and one part for each member of a JSON object. */
export const layouts = ["whole", "members"] as const;
export type Layout = (typeof layouts)[number];

/** Where a part belongs; everything that, if it were changed, would make another secret of it. */
export interface PartPlace extends SecretAddress {
	readonly storeId: string;
	readonly version: number;
	readonly content: Content;
	readonly layout: Layout;
	/** How many parts the version has, so that none can be left out. */
	readonly parts: number;
	readonly ordinal: number;
	/** The member's name; empty for a whole value and for the frame. */
	readonly member: string;
	/** The version the part was first written in; later versions that share it carry it over. */
	readonly origin: number;
}

/** A part's own key, sealed by a key-encryption key. */
export interface WrappedKey {
	readonly generation: number;
	readonly sealed: Buffer;
}

/**
 * NIST SP 800-38D lets one key seal 2³² times with random nonces. A sixteenth of that is far more than
 * anybody writes between two rotations, and leaves a wide margin.
 */
const maximumWraps = 2 ** 28;

/** What a sealed value is bound to. Not the key generation: rotating keys leaves values alone. */
export function valueContext(place: PartPlace): Buffer {
	const { storeId, namespace, name, origin, content, member } = place;
	return encodeFields(["claviger/strongroom/value/1", storeId, namespace, name, origin, content, member]);
}

/** What a part's sealed key is bound to: the part, its place within one version, and the key generation. */
function wrapContext(place: PartPlace, generation: number): Buffer {
	const { storeId, namespace, name, version, content, layout, parts, ordinal, member, origin } = place;
	const fields = [storeId, namespace, name, version, content, layout, parts, ordinal, member, origin, generation];
	return encodeFields(["claviger/strongroom/wrap/1", ...fields]);
}

/** Seals a part's key under the active generation, and counts that. */
export async function wrapKey(rows: Rows, keyring: Keyring, key: Buffer, place: PartPlace): Promise<WrappedKey> {
	const generation = await activeGeneration(rows);
	const counted = await rows.run("UPDATE keks SET wraps = wraps + 1 WHERE generation = ? AND wraps < ?", generation, maximumWraps);
	if (counted !== 1) {
		throw new ProviderError("refused", `Key generation ${generation} has sealed as much as it may.`, {
			remedy: "Run: claviger strongroom rotate",
		});
	}
	return { generation, sealed: seal(kekOf(keyring, generation), key, wrapContext(place, generation)) };
}

/**
 * Opens a part's key. The caller overwrites it after use.
 *
 * @throws AuthenticationError when it is damaged or not of this place
 */
export function unwrapKey(keyring: Keyring, wrapped: WrappedKey, place: PartPlace): Buffer {
	return open(kekOf(keyring, wrapped.generation), wrapped.sealed, wrapContext(place, wrapped.generation));
}

/**
 * Seals a part's key anew, under the active generation and for another place, without touching the value.
 *
 * @throws AuthenticationError when it is damaged or not of the place it is in
 */
export async function rewrapKey(rows: Rows, keyring: Keyring, wrapped: WrappedKey, from: PartPlace, to: PartPlace): Promise<WrappedKey> {
	const key = unwrapKey(keyring, wrapped, from);
	try {
		return await wrapKey(rows, keyring, key, to);
	} finally {
		key.fill(0);
	}
}

export async function activeGeneration(rows: Rows): Promise<number> {
	const row = (await rows.all("SELECT generation FROM keks WHERE state = 'active'"))[0];
	if (row === undefined) throw new DamagedRowError("no key generation is active");
	return numberOf(row, "generation");
}

function kekOf(keyring: Keyring, generation: number): Buffer {
	const kek = keyring.keks.get(generation);
	if (kek === undefined) throw new UnknownGenerationError(`key generation ${generation} is missing`);
	return kek;
}
