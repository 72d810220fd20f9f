/** A column's value: every integer here fits into a JavaScript number, and times are ISO texts. */
export type Column = string | number | Buffer | null;
export type Row = ReadonlyMap<string, Column>;

/** What one transaction may do. The SQL is what SQLite and PostgreSQL share; parameters are `?`. */
export interface Rows {
	all(sql: string, ...parameters: readonly Column[]): Promise<readonly Row[]>;
	/** Runs a change and tells how many rows it changed. */
	run(sql: string, ...parameters: readonly Column[]): Promise<number>;
	/** The state that this transaction sees: another value once another process has committed something. */
	state(): Promise<string>;
}

/** A database engine as the strongroom needs it. */
export interface Storage {
	/** Runs work on one consistent state, which other processes cannot change meanwhile. */
	read<T>(work: (rows: Rows) => Promise<T>): Promise<T>;
	/** Runs work in a transaction that is alone in writing; its end is durable. An error undoes all of it. */
	write<T>(work: (rows: Rows) => Promise<T>): Promise<T>;
	/** Whether another database lies in this one's place, so that this one is to be closed. */
	isReplaced(): boolean;
	/** Overwrites what deleted rows left in the engine's files. */
	scrub(): void;
	/** Ends after the work that has begun. */
	close(): Promise<void>;
}

/** A row that is not as this program writes rows: the database is damaged or was changed by other means. */
export class DamagedRowError extends Error {
	override readonly name = "DamagedRowError";
}

export function textOf(row: Row, column: string): string {
	const value = row.get(column);
	if (typeof value !== "string") throw new DamagedRowError(`column ${column} is no text`);
	return value;
}

export function numberOf(row: Row, column: string): number {
	const value = row.get(column);
	if (typeof value !== "number") throw new DamagedRowError(`column ${column} is no number`);
	return value;
}

export function bytesOf(row: Row, column: string): Buffer {
	const value = row.get(column);
	if (!Buffer.isBuffer(value)) throw new DamagedRowError(`column ${column} is no bytes`);
	return value;
}

/** A text column that may be NULL. */
export function optionalTextOf(row: Row, column: string): string | undefined {
	return row.get(column) === null ? undefined : textOf(row, column);
}

/** A text column that holds one of a few words. */
export function wordOf<Word extends string>(row: Row, column: string, words: readonly Word[]): Word {
	const text = textOf(row, column);
	const word = words.find((candidate) => candidate === text);
	if (word === undefined) throw new DamagedRowError(`column ${column} holds an unknown word`);
	return word;
}
