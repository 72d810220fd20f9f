import { createHmac, timingSafeEqual } from "node:crypto";
import { ProviderError } from "../errors.ts";
import { encodeFields } from "../shared/canonical.ts";
import { AuthenticationError } from "./cipher.ts";
import { type Content, contents, type Layout, layouts, type PartPlace, type WrappedKey } from "./keys.ts";
import { describeAddress, type SecretAddress } from "./names.ts";
import { bytesOf, type Column, DamagedRowError, numberOf, type Row, type Rows, textOf, wordOf } from "./storage.ts";
import type { Keyring } from "./unseal.ts";

const headStates = ["kept", "deleted"] as const;
const versionStates = ["kept", "destroyed"] as const;

/** A name and its current version. A deleted one stays, so that no version number is used twice. */
export interface Head {
	readonly id: number;
	readonly current: number;
	readonly state: (typeof headStates)[number];
}

/** One version, without its parts. */
export interface Version {
	readonly version: number;
	readonly content: Content;
	readonly layout: Layout;
	readonly state: (typeof versionStates)[number];
}

/** One sealed piece of a version. */
export interface Part {
	readonly id: number;
	readonly place: PartPlace;
	readonly key: WrappedKey;
	readonly sealed: Buffer;
}

/** The error for an entry that is not what was written. It is no `absent`: nothing may be removed because of damage. */
function damagedEntry(address: SecretAddress, cause: unknown): ProviderError {
	return new ProviderError(
		"unreachable",
		`The secret ${describeAddress(address)} failed authentication: it is damaged, or was moved from another place. Other secrets are unaffected.`,
		{ remedy: "Restore the strongroom from a backup, or delete this secret and put it anew.", cause },
	);
}

/** Names the secret in an error about its rows and seals. */
export async function nameDamage<T>(address: SecretAddress, work: () => Promise<T>): Promise<T> {
	try {
		return await work();
	} catch (error) {
		throw error instanceof AuthenticationError || error instanceof DamagedRowError ? damagedEntry(address, error) : error;
	}
}

/**
 * The head of a name, proved; undefined when the name was never used.
 *
 * @throws DamagedRowError
 */
export async function findHead(rows: Rows, keyring: Keyring, address: SecretAddress): Promise<Head | undefined> {
	const row = await findHeadRow(rows, address);
	if (row === undefined) return undefined;
	const head = { id: numberOf(row, "id"), current: numberOf(row, "current"), state: wordOf(row, "state", headStates) };
	const expected = headSeal(keyring, address, head);
	const seal = bytesOf(row, "seal");
	if (seal.length !== expected.length || !timingSafeEqual(seal, expected))
		throw new DamagedRowError("a current version failed authentication");
	return head;
}

/** The head's row as it is. A name that the index has lost is looked for in the table, so that damage is not taken for absence. */
export async function findHeadRow(rows: Rows, address: SecretAddress): Promise<Row | undefined> {
	const columns = "SELECT id, current, state, seal FROM secrets WHERE";
	const [indexed] = await rows.all(`${columns} namespace = ? AND name = ?`, address.namespace, address.name);
	if (indexed !== undefined) return indexed;
	const [scanned] = await rows.all(`${columns} namespace || '' = ? AND name || '' = ?`, address.namespace, address.name);
	if (scanned !== undefined) throw new DamagedRowError("the index of names is damaged");
	return undefined;
}

/** Writes a head, new or not, and returns its id. */
export async function saveHead(rows: Rows, keyring: Keyring, address: SecretAddress, head: Omit<Head, "id">): Promise<number> {
	const seal = headSeal(keyring, address, head);
	const [row] = await rows.all(
		`INSERT INTO secrets (namespace, name, current, state, seal) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (namespace, name) DO UPDATE SET current = excluded.current, state = excluded.state, seal = excluded.seal
		RETURNING id`,
		address.namespace,
		address.name,
		head.current,
		head.state,
		seal,
	);
	if (row === undefined) throw new DamagedRowError("a current version was not written");
	return numberOf(row, "id");
}

function headSeal(keyring: Keyring, address: SecretAddress, head: Omit<Head, "id">): Buffer {
	const fields = [keyring.storeId, address.namespace, address.name, head.current, head.state];
	return createHmac("sha256", keyring.integrityKey)
		.update(encodeFields(["claviger/strongroom/head/1", ...fields]))
		.digest();
}

/** @throws DamagedRowError when the current version's row is missing or the row makes no sense */
export async function findVersion(rows: Rows, head: Head, version: number): Promise<Version | undefined> {
	const columns = "SELECT version, content, layout, state FROM versions WHERE";
	const [indexed] = await rows.all(`${columns} secret = ? AND version = ?`, head.id, version);
	if (indexed !== undefined) return toVersion(indexed);
	const [scanned] = await rows.all(`${columns} secret + 0 = ? AND version + 0 = ?`, head.id, version);
	if (scanned !== undefined || version === head.current) throw new DamagedRowError("the index of versions is damaged");
	return undefined;
}

function toVersion(row: Row): Version {
	return {
		version: numberOf(row, "version"),
		content: wordOf(row, "content", contents),
		layout: wordOf(row, "layout", layouts),
		state: wordOf(row, "state", versionStates),
	};
}

/** The columns that {@link toPart} reads. A generation that the database itself does not have is damage, not news. */
export const partColumns = "parts.*, (SELECT generation FROM keks WHERE keks.generation = parts.kek) AS generation";

/** The parts of a version, in order. */
export async function findParts(
	rows: Rows,
	keyring: Keyring,
	address: SecretAddress,
	head: Head,
	version: Version,
): Promise<readonly Part[]> {
	const found = await rows.all(
		`SELECT ${partColumns} FROM parts WHERE secret = ? AND version = ? ORDER BY ordinal`,
		head.id,
		version.version,
	);
	if (found.length === 0) throw new DamagedRowError("the parts of a version are missing");
	return found.map((row) => toPart(row, keyring.storeId, address, version, found.length));
}

/** A part from its row, with the place that it claims; only opening its key proves the claim. */
export function toPart(row: Row, storeId: string, address: SecretAddress, version: Omit<Version, "state">, parts: number): Part {
	return {
		id: numberOf(row, "id"),
		place: {
			storeId,
			namespace: address.namespace,
			name: address.name,
			version: version.version,
			content: version.content,
			layout: version.layout,
			parts,
			ordinal: numberOf(row, "ordinal"),
			member: textOf(row, "member"),
			origin: numberOf(row, "origin"),
		},
		key: { generation: numberOf(row, "generation"), sealed: bytesOf(row, "wrapped_key") },
		sealed: bytesOf(row, "sealed"),
	};
}

export async function insertPart(rows: Rows, secret: number, part: Omit<Part, "id">): Promise<void> {
	const { version, ordinal, member, origin } = part.place;
	const columns: readonly Column[] = [secret, version, ordinal, member, origin, part.key.generation, part.key.sealed, part.sealed];
	await rows.run(
		"INSERT INTO parts (secret, version, ordinal, member, origin, kek, wrapped_key, sealed) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		...columns,
	);
}
