import { createHash, hkdfSync, randomBytes, randomUUID, timingSafeEqual } from "node:crypto";
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { ProviderError } from "../errors.ts";
import { encodeFields } from "../shared/canonical.ts";
import { errorCodeOf } from "../shared/error-code.ts";
import { AuthenticationError, keyLength, open, seal } from "./cipher.ts";
import { checkPrivate, type Location } from "./location.ts";
import { bytesOf, DamagedRowError, numberOf, type Row, type Rows, textOf } from "./storage.ts";

/** Where the unseal key comes from. A cloud's key management service is one more of these. */
export interface UnsealSource {
	/** For messages, such as `the key file /etc/claviger/unseal.key`. */
	readonly description: string;
	/** The 32 bytes, which the caller overwrites after use. */
	key(): Promise<Buffer>;
}

/** The keys of an unsealed store. The unseal key itself is not among them: it is needed for a moment only. */
export interface Keyring {
	readonly storeId: string;
	/** Key-encryption keys by generation. */
	readonly keks: ReadonlyMap<number, Buffer>;
	/** Authenticates what is not encrypted: current versions and bindings. */
	readonly integrityKey: Buffer;
}

/** A key generation that the keyring lacks: another process made it after this one unsealed. */
export class UnknownGenerationError extends Error {
	override readonly name = "UnknownGenerationError";
}

const knownAnswer = Buffer.from("claviger strongroom known answer");

/** The key in one file as it is, or two files' keys combined, so that neither place alone unseals. */
export function keyFileSource(location: Location): UnsealSource {
	const { keyFile, keyFile2 } = location;
	if (keyFile2 === undefined) return { description: `the key file ${keyFile}`, key: async () => readKeyFile(keyFile) };
	return {
		description: `the key files ${keyFile} and ${keyFile2}`,
		key: async () => {
			const halves = [readKeyFile(keyFile), readKeyFile(keyFile2)];
			const combined = combineKeys(halves);
			for (const half of halves) half.fill(0);
			return combined;
		},
	};
}

/** HKDF-SHA256 (RFC 5869) over the concatenated keys, no salt, info `store/unseal/v1`, 32 bytes. */
export function combineKeys(keys: readonly Buffer[]): Buffer {
	const material = Buffer.concat(keys);
	const combined = Buffer.from(hkdfSync("sha256", material, "", "store/unseal/v1", keyLength));
	material.fill(0);
	return combined;
}

function readKeyFile(path: string): Buffer {
	checkPrivate(
		path,
		"file",
		"Name the key file that `claviger strongroom init` made (--key-file, keyFile); without it the strongroom stays closed.",
	);
	const key = readBytes(path);
	if (key.length === keyLength) return key;
	key.fill(0);
	throw new ProviderError("unreachable", `The key file ${path} does not hold exactly ${keyLength} bytes.`, {
		remedy: "A key file is raw bytes, neither text nor base64.",
	});
}

function readBytes(path: string): Buffer {
	try {
		return readFileSync(path);
	} catch (error) {
		throw new ProviderError("unreachable", `The key file ${path} cannot be read (${errorCodeOf(error) ?? "unknown error"}).`, {
			cause: error,
		});
	}
}

/** Makes a key file with a fresh key unless there is one, and tells whether it did. It is on the disk before anything is sealed with it. */
export function makeKeyFile(path: string): boolean {
	if (existsSync(path)) return false;
	const key = randomBytes(keyLength);
	try {
		const file = openSync(path, "wx", 0o600);
		writeSync(file, key);
		fsyncSync(file);
		closeSync(file);
		const directory = openSync(dirname(path), "r");
		fsyncSync(directory);
		closeSync(directory);
		return true;
	} catch (error) {
		throw new ProviderError("unreachable", `The key file ${path} cannot be written (${errorCodeOf(error) ?? "unknown error"}).`, {
			cause: error,
		});
	} finally {
		key.fill(0);
	}
}

/** Writes the row that identifies a new store, and returns its id. */
export async function addStoreRow(rows: Rows, unsealKey: Buffer): Promise<string> {
	const storeId = randomUUID();
	const sealed = seal(unsealKey, knownAnswer, answerContext(storeId));
	await rows.run(
		"INSERT INTO store (id, store_id, known_answer, checksum, bindings_seal) VALUES (1, ?, ?, ?, ?)",
		storeId,
		sealed,
		checksumOf(storeId, sealed),
		Buffer.alloc(0),
	);
	return storeId;
}

/**
 * Opens every key. The known answer tells a wrong key from a damaged database: its record carries a
 * plain checksum, so when the record is whole and the answer does not open, it is the key.
 *
 * @throws ProviderError `unreachable` for a wrong key, and DamagedRowError
 */
export async function unlock(rows: Rows, unsealKey: Buffer, source: UnsealSource): Promise<Keyring> {
	const storeId = proveKey((await rows.all("SELECT * FROM store"))[0], unsealKey, source);
	const keks = new Map<number, Buffer>();
	for (const row of await rows.all("SELECT generation, sealed FROM keks ORDER BY generation")) {
		const generation = numberOf(row, "generation");
		keks.set(generation, openKek(unsealKey, bytesOf(row, "sealed"), storeId, generation));
	}
	return { storeId, keks, integrityKey: integrityKeyOf(unsealKey, storeId) };
}

function proveKey(row: Row | undefined, unsealKey: Buffer, source: UnsealSource): string {
	if (row === undefined) throw new DamagedRowError("the store's own row is missing");
	const storeId = textOf(row, "store_id");
	const sealed = bytesOf(row, "known_answer");
	const checksum = checksumOf(storeId, sealed);
	const recorded = bytesOf(row, "checksum");
	if (recorded.length !== checksum.length || !timingSafeEqual(recorded, checksum)) throw new DamagedRowError("the known answer is damaged");
	try {
		open(unsealKey, sealed, answerContext(storeId));
		return storeId;
	} catch (error) {
		throw new ProviderError("unreachable", `The strongroom does not open: ${source.description} is not the key it was sealed with.`, {
			remedy: "Name the right key file; the database itself is in order.",
			cause: error,
		});
	}
}

function openKek(unsealKey: Buffer, sealed: Buffer, storeId: string, generation: number): Buffer {
	try {
		return open(unsealKey, sealed, kekContext(storeId, generation));
	} catch (error) {
		if (error instanceof AuthenticationError) throw new DamagedRowError(`key generation ${generation} failed authentication`);
		throw error;
	}
}

/** Makes and seals a key-encryption key, which becomes the only active one. */
export async function addKek(rows: Rows, unsealKey: Buffer, storeId: string): Promise<number> {
	const generation = numberOf((await rows.all("SELECT COALESCE(MAX(generation), 0) + 1 AS next FROM keks"))[0] ?? new Map(), "next");
	const key = randomBytes(keyLength);
	const sealed = seal(unsealKey, key, kekContext(storeId, generation));
	key.fill(0);
	await rows.run("UPDATE keks SET state = 'retiring'");
	const created = new Date().toISOString();
	await rows.run("INSERT INTO keks (generation, state, sealed, wraps, created) VALUES (?, 'active', ?, 0, ?)", generation, sealed, created);
	return generation;
}

export function wipeKeyring(keyring: Keyring): void {
	for (const kek of keyring.keks.values()) kek.fill(0);
	keyring.integrityKey.fill(0);
}

function integrityKeyOf(unsealKey: Buffer, storeId: string): Buffer {
	return Buffer.from(hkdfSync("sha256", unsealKey, storeId, "store/integrity/v1", keyLength));
}

function answerContext(storeId: string): Buffer {
	return encodeFields(["claviger/strongroom/known-answer/1", storeId]);
}

function kekContext(storeId: string, generation: number): Buffer {
	return encodeFields(["claviger/strongroom/kek/1", storeId, generation]);
}

function checksumOf(storeId: string, sealed: Buffer): Buffer {
	return createHash("sha256")
		.update(encodeFields([storeId, sealed]))
		.digest();
}
