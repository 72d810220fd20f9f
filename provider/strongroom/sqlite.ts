import { closeSync, existsSync, openSync, statSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { ProviderError } from "../errors.ts";
import { checkPrivate, type Location } from "./location.ts";
import { schema, schemaVersion } from "./schema.ts";
import { guard } from "./sqlite-errors.ts";
import type { Column, Row, Rows, Storage } from "./storage.ts";

/**
 * FULL, because a lost acknowledged write is worse than a millisecond. `secure_delete`, because a
 * deleted key must be gone. `trusted_schema` off and `defensive` on, because whoever can change the file
 * must not gain functions run by this process.
 */
const settings = [
	"journal_mode = WAL",
	"synchronous = FULL",
	"foreign_keys = ON",
	"secure_delete = ON",
	"temp_store = MEMORY",
	"trusted_schema = OFF",
	"cell_size_check = ON",
];

export interface SqliteOptions {
	/** `read` refuses every change, at the engine. */
	readonly access: "read" | "write";
	/** How long a statement waits for another process, in milliseconds. It blocks this process meanwhile. */
	readonly busyTimeout: number;
}

/**
 * Opens the database of a strongroom that `init` has made.
 *
 * @throws ProviderError `unreachable` when it is missing, damaged or open to others
 */
export function openSqlite(location: Location, options: SqliteOptions): Storage {
	const remedy = `Check the directory, or make a new strongroom: claviger strongroom init --directory ${location.directory}`;
	checkPrivate(location.directory, "directory", remedy);
	checkPrivate(location.database, "file", remedy);
	return guard(location, () => {
		const database = connect(location, options);
		try {
			checkLayout(layoutOf(database), location, remedy);
			return new SqliteStorage(database, location);
		} catch (error) {
			database.close();
			throw error;
		}
	});
}

function checkLayout(layout: unknown, location: Location, remedy: string): void {
	if (layout === schemaVersion) return;
	if (layout === 0) throw new ProviderError("unreachable", `The strongroom in ${location.directory} was never completed.`, { remedy });
	const message = `The strongroom in ${location.directory} has layout ${layout}; this program reads ${schemaVersion}.`;
	throw new ProviderError("unreachable", message, { remedy: "Use the version of claviger that wrote it, or a newer one." });
}

/** @throws ProviderError `refused` when there is a complete strongroom */
export function refuseExisting(location: Location): void {
	if (!existsSync(location.database)) return;
	guard(location, () => {
		const database = new DatabaseSync(location.database, { readOnly: true });
		try {
			if (layoutOf(database) !== 0) throw existing(location);
		} finally {
			database.close();
		}
	});
}

function existing(location: Location): ProviderError {
	return new ProviderError("refused", `There is a strongroom in ${location.directory} already.`, {
		remedy: "Use it, or choose another --directory.",
	});
}

function layoutOf(database: DatabaseSync): unknown {
	return database.prepare("PRAGMA user_version").get()?.["user_version"];
}

/**
 * Makes the database, or completes one whose making was interrupted.
 *
 * @param fill writes the first rows; runs in the transaction that makes the tables
 * @throws ProviderError `refused` when there is a strongroom already
 */
export async function createSqlite(location: Location, fill: (rows: Rows) => Promise<void>): Promise<Storage> {
	checkPrivate(location.directory, "directory", "Make it, for its owner only.");
	// SQLite would make the file readable for everybody that the umask lets; its side files copy this file's mode.
	if (!existsSync(location.database)) closeSync(openSync(location.database, "wx", 0o600));
	checkPrivate(location.database, "file", "Remove it.");
	const storage = guard(location, () => new SqliteStorage(connect(location, { access: "write", busyTimeout: 10_000 }), location));
	try {
		await storage.write(async (rows) => {
			const version = (await rows.all("PRAGMA user_version"))[0]?.get("user_version");
			if (version !== 0) throw existing(location);
			storage.execute(schema);
			await fill(rows);
		});
	} catch (error) {
		await storage.close();
		throw error;
	}
	return storage;
}

function connect(location: Location, options: SqliteOptions): DatabaseSync {
	const database = new DatabaseSync(location.database, { timeout: options.busyTimeout, defensive: true });
	try {
		for (const setting of settings) database.exec(`PRAGMA ${setting}`);
		if (options.access === "read") database.exec("PRAGMA query_only = ON");
	} catch (error) {
		database.close();
		throw error;
	}
	return database;
}

class SqliteStorage implements Storage {
	readonly #database: DatabaseSync;
	readonly #location: Location;
	readonly #file: string;
	readonly #statements = new Map<string, StatementSync>();
	#last: Promise<unknown> = Promise.resolve();

	constructor(database: DatabaseSync, location: Location) {
		this.#database = database;
		this.#location = location;
		this.#file = fileIdentity(location.database);
	}

	read<T>(work: (rows: Rows) => Promise<T>): Promise<T> {
		return this.#transaction("BEGIN", work);
	}

	write<T>(work: (rows: Rows) => Promise<T>): Promise<T> {
		return this.#transaction("BEGIN IMMEDIATE", work);
	}

	isReplaced(): boolean {
		return guard(this.#location, () => fileIdentity(this.#location.database) !== this.#file);
	}

	/** Deleted rows live on in the write-ahead log until it is cut; a busy reader only delays that to the next time. */
	scrub(): void {
		guard(this.#location, () => this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)"));
	}

	async close(): Promise<void> {
		await this.#last;
		if (this.#database.isOpen) this.#database.close();
	}

	/** Only for statements that are part of this program. */
	execute(sql: string): void {
		guard(this.#location, () => this.#database.exec(sql));
	}

	/** One after the other: the connection has one transaction at a time, and work may await within it. */
	#transaction<T>(begin: string, work: (rows: Rows) => Promise<T>): Promise<T> {
		const result = this.#last.then(async () => {
			this.#control(begin);
			try {
				const value = await work(this.#rows);
				this.#control("COMMIT");
				return value;
			} catch (error) {
				if (this.#database.isTransaction) this.#control("ROLLBACK");
				throw error;
			}
		});
		this.#last = result.catch(() => undefined);
		return result;
	}

	#control(sql: string): void {
		guard(this.#location, () => this.#prepare(sql).run());
	}

	readonly #rows: Rows = {
		all: async (sql, ...parameters) =>
			guard(this.#location, () =>
				this.#prepare(sql)
					.all(...parameters)
					.map(toRow),
			),
		state: async () => guard(this.#location, () => String(this.#prepare("PRAGMA data_version").get()?.["data_version"])),
		run: async (sql, ...parameters) => guard(this.#location, () => Number(this.#prepare(sql).run(...parameters).changes)),
	};

	/** Every statement is a constant of this program, so there are few, and preparing one costs more than running it. */
	#prepare(sql: string): StatementSync {
		const known = this.#statements.get(sql);
		if (known !== undefined) return known;
		const statement = this.#database.prepare(sql);
		this.#statements.set(sql, statement);
		return statement;
	}
}

function toRow(columns: Record<string, unknown>): Row {
	return new Map(Object.entries(columns).map(([name, value]) => [name, toColumn(value)]));
}

function toColumn(value: unknown): Column {
	if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
	return typeof value === "string" || typeof value === "number" ? value : null;
}

function fileIdentity(path: string): string {
	const { dev, ino } = statSync(path);
	return `${dev}:${ino}`;
}
