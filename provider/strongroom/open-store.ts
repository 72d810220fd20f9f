import { ProviderError } from "../errors.ts";
import { checkPrivate, type Location } from "./location.ts";
import { openSqlite, type SqliteOptions } from "./sqlite.ts";
import { DamagedRowError, type Rows, type Storage } from "./storage.ts";
import { type Keyring, keyFileSource, UnknownGenerationError, type UnsealSource, unlock, wipeKeyring } from "./unseal.ts";

/** An unsealed strongroom: its tables and its keys. */
export class OpenStore {
	readonly storage: Storage;
	readonly source: UnsealSource;
	#keyring: Keyring;

	private constructor(storage: Storage, source: UnsealSource, keyring: Keyring) {
		this.storage = storage;
		this.source = source;
		this.#keyring = keyring;
	}

	/**
	 * Opens and unseals; nothing is left open when either fails.
	 *
	 * @throws ProviderError `unreachable` whatever the reason: a closed store says nothing about anybody's rights
	 */
	static async open(location: Location, options: SqliteOptions): Promise<OpenStore> {
		const storage = openSqlite(location, options);
		try {
			const source = keyFileSource(location);
			return new OpenStore(storage, source, await unseal(storage, source, (keyring) => keyring));
		} catch (error) {
			await storage.close();
			throw error;
		}
	}

	read<T>(work: (rows: Rows, keyring: Keyring) => Promise<T>): Promise<T> {
		return this.#withKeys(() => this.storage.read((rows) => work(rows, this.#keyring)));
	}

	write<T>(work: (rows: Rows, keyring: Keyring) => Promise<T>): Promise<T> {
		return this.#withKeys(() => this.storage.write((rows) => work(rows, this.#keyring)));
	}

	/** Ends after the work that has begun. */
	async close(): Promise<void> {
		await this.storage.close();
		wipeKeyring(this.#keyring);
	}

	/** Work that meets a key generation made meanwhile fails, is undone, and runs again with all keys. */
	async #withKeys<T>(work: () => Promise<T>): Promise<T> {
		try {
			return await work();
		} catch (error) {
			if (!(error instanceof UnknownGenerationError)) throw damagedStore(error);
		}
		await unseal(this.storage, this.source, (keyring) => this.#replaceKeyring(keyring));
		return work().catch((error) => {
			throw damagedStore(error);
		});
	}

	#replaceKeyring(keyring: Keyring): void {
		wipeKeyring(this.#keyring);
		this.#keyring = keyring;
	}
}

/** @param use takes the keys while no other work runs on the storage, so that none loses its keys on the way */
async function unseal<T>(storage: Storage, source: UnsealSource, use: (keyring: Keyring) => T): Promise<T> {
	const unsealKey = await source.key();
	try {
		return await storage.read(async (rows) => use(await unlock(rows, unsealKey, source)));
	} catch (error) {
		throw damagedStore(error);
	} finally {
		unsealKey.fill(0);
	}
}

/** Says of a row that makes no sense, or a key that nobody has, that the database is damaged; other errors stay what they are. */
function damagedStore(error: unknown): unknown {
	if (!(error instanceof DamagedRowError) && !(error instanceof UnknownGenerationError)) return error;
	return new ProviderError("unreachable", `The strongroom's database is damaged: ${error.message}.`, {
		remedy: "Restore the directory from a backup.",
		cause: error,
	});
}

/** Looks at tables without any key, for what is not secret. */
export async function readWithoutKeys<T>(location: Location, work: (rows: Rows) => Promise<T>): Promise<T> {
	checkPrivate(location.directory, "directory", "Make a strongroom first: claviger strongroom init");
	const storage = openSqlite(location, { access: "read", busyTimeout: 10_000 });
	try {
		return await storage.read(work);
	} catch (error) {
		throw damagedStore(error);
	} finally {
		await storage.close();
	}
}
