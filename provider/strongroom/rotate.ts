import { recordAct } from "./audit.ts";
import { AuthenticationError } from "./cipher.ts";
import { partColumns, toPart } from "./entries.ts";
import { activeGeneration, contents, layouts, rewrapKey } from "./keys.ts";
import type { OpenStore } from "./open-store.ts";
import { DamagedRowError, numberOf, type Row, type Rows, textOf, wordOf } from "./storage.ts";
import { addKek, type Keyring, unlock, wipeKeyring } from "./unseal.ts";

export interface RotateOptions {
	readonly actor: string;
	/** Hears after each batch how many sealed keys are done, of how many. */
	onProgress?(done: number, total: number): void;
	/** Sealed keys per transaction; other writers get in between. */
	readonly batchSize?: number;
}

export interface Rotation {
	/** The generation that seals from now on. */
	readonly generation: number;
	/** True when this finished a rotation that had been interrupted, and began none. */
	readonly resumed: boolean;
	readonly rewrapped: number;
	/** True when the old key is destroyed; false as long as something is sealed by it. */
	readonly retired: boolean;
	/** The secrets whose sealed keys do not open. */
	readonly damaged: readonly string[];
}

/**
 * Makes a new key-encryption key, seals every secret's key anew under it, and destroys the old one. Values
 * are not touched, reading goes on throughout, and after an interruption the next call resumes.
 */
export async function rotateKeys(store: OpenStore, options: RotateOptions): Promise<Rotation> {
	const unsealKey = await store.source.key();
	try {
		const resumed = await begin(store, unsealKey, options.actor);
		const { rewrapped, damaged } = await rewrapAll(store, options);
		const generation = await store.write((rows) => activeGeneration(rows));
		const retired = await retire(store, options.actor);
		store.storage.scrub();
		return { generation, resumed, rewrapped, retired, damaged };
	} finally {
		unsealKey.fill(0);
	}
}

/** Makes the new generation, unless one is still being brought in. */
async function begin(store: OpenStore, unsealKey: Buffer, actor: string): Promise<boolean> {
	return store.write(async (rows, keyring) => {
		const isUnfinished = (await rows.all("SELECT generation FROM keks WHERE state = 'retiring'")).length > 0;
		if (isUnfinished) return true;
		// A source that gives another key by now must not seal a generation that the right key cannot open.
		wipeKeyring(await unlock(rows, unsealKey, store.source));
		const generation = await addKek(rows, unsealKey, keyring.storeId);
		await recordAct(rows, { actor, action: "rotate", object: "key generation", version: generation });
		return false;
	});
}

async function rewrapAll(store: OpenStore, options: RotateOptions): Promise<{ rewrapped: number; damaged: readonly string[] }> {
	const damaged = new Set<string>();
	let last = 0;
	let rewrapped = 0;
	let total = 0;
	for (;;) {
		const batch = await store.write(async (rows, keyring) => {
			if (last === 0) total = await countOld(rows);
			return rewrapBatch(rows, keyring, last, options.batchSize ?? 100);
		});
		if (batch.last === undefined) return { rewrapped, damaged: [...damaged] };
		last = batch.last;
		rewrapped += batch.rewrapped;
		for (const name of batch.damaged) damaged.add(name);
		options.onProgress?.(rewrapped, total);
	}
}

interface Batch {
	/** The last row looked at; undefined when there was none left. */
	readonly last: number | undefined;
	readonly rewrapped: number;
	readonly damaged: readonly string[];
}

async function rewrapBatch(rows: Rows, keyring: Keyring, after: number, size: number): Promise<Batch> {
	const generation = await activeGeneration(rows);
	const found = await rows.all(
		`SELECT ${partColumns}, versions.content, versions.layout, secrets.namespace, secrets.name,
			(SELECT COUNT(*) FROM parts AS siblings WHERE siblings.secret = parts.secret AND siblings.version = parts.version) AS siblings
		FROM parts
		JOIN versions ON versions.secret = parts.secret AND versions.version = parts.version
		JOIN secrets ON secrets.id = parts.secret
		WHERE parts.kek <> ? AND parts.id > ? ORDER BY parts.id LIMIT ?`,
		generation,
		after,
		size,
	);
	const damaged: string[] = [];
	for (const row of found) {
		if (!(await rewrapRow(rows, keyring, row))) damaged.push(`${row.get("name")} (namespace ${row.get("namespace")})`);
	}
	const last = found.at(-1);
	return { last: last === undefined ? undefined : numberOf(last, "id"), rewrapped: found.length - damaged.length, damaged };
}

/** False when the row, or the key in it, is damaged: that must not keep the others from being rewrapped. */
async function rewrapRow(rows: Rows, keyring: Keyring, row: Row): Promise<boolean> {
	try {
		const version = {
			version: numberOf(row, "version"),
			content: wordOf(row, "content", contents),
			layout: wordOf(row, "layout", layouts),
		};
		const address = { namespace: textOf(row, "namespace"), name: textOf(row, "name") };
		const part = toPart(row, keyring.storeId, address, version, numberOf(row, "siblings"));
		const key = await rewrapKey(rows, keyring, part.key, part.place, part.place);
		await rows.run("UPDATE parts SET kek = ?, wrapped_key = ? WHERE id = ?", key.generation, key.sealed, part.id);
		return true;
	} catch (error) {
		if (error instanceof AuthenticationError || error instanceof DamagedRowError) return false;
		throw error;
	}
}

async function countOld(rows: Rows): Promise<number> {
	const [row] = await rows.all("SELECT COUNT(*) AS old FROM parts WHERE kek <> ?", await activeGeneration(rows));
	return row === undefined ? 0 : numberOf(row, "old");
}

/** Destroys the old generations, unless something is still sealed by them: then only a backup or a deletion helps. */
async function retire(store: OpenStore, actor: string): Promise<boolean> {
	return store.write(async (rows) => {
		if ((await countOld(rows)) > 0) return false;
		for (const row of await rows.all("SELECT generation FROM keks WHERE state = 'retiring' ORDER BY generation")) {
			const generation = numberOf(row, "generation");
			await rows.run("DELETE FROM keks WHERE generation = ?", generation);
			await recordAct(rows, { actor, action: "retire-key", object: "key generation", version: generation });
		}
		return true;
	});
}
