import { createHash } from "node:crypto";
import { encodeFields } from "../shared/canonical.ts";
import { bytesOf, numberOf, type Row, type Rows, textOf } from "./storage.ts";

/** What an administrator did. */
export interface Act {
	/** The user of the operating system. */
	readonly actor: string;
	/** `init`, `put`, `set-key`, `delete`, `destroy-version`, `rotate`, `retire-key`, `bind`, `unbind`. */
	readonly action: string;
	/** What it was done to, such as `stripe (namespace shop)`. */
	readonly object: string;
	/** The version of the secret, or the key generation. */
	readonly version?: number;
}

/** An act as recorded. `hash` covers every other field, `previous` is the hash of the record before. */
export interface AuditRecord extends Act {
	readonly sequence: number;
	/** ISO 8601, UTC. */
	readonly time: string;
	readonly previous: Buffer;
	readonly hash: Buffer;
}

/** Where a chain ends, to be kept outside the database: later, the chain must still hold it. */
export interface AuditHead {
	readonly sequence: number;
	/** SHA-256 in hexadecimal. */
	readonly hash: string;
}

const nothingBefore = Buffer.alloc(32);

/** Records an act in the transaction of the change itself, so that neither exists without the other. */
export async function recordAct(rows: Rows, act: Act): Promise<void> {
	const last = (await rows.all("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1"))[0];
	const sequence = last === undefined ? 1 : numberOf(last, "sequence") + 1;
	const previous = last === undefined ? nothingBefore : bytesOf(last, "hash");
	const time = new Date().toISOString();
	await rows.run(
		"INSERT INTO audit (sequence, time, actor, action, object, version, previous, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		sequence,
		time,
		act.actor,
		act.action,
		act.object,
		act.version ?? null,
		previous,
		hashOf({ ...act, sequence, time, previous }),
	);
}

export async function listActs(rows: Rows): Promise<readonly AuditRecord[]> {
	return (await rows.all("SELECT * FROM audit ORDER BY sequence")).map(toRecord);
}

function toRecord(row: Row): AuditRecord {
	const version = row.get("version");
	return {
		sequence: numberOf(row, "sequence"),
		time: textOf(row, "time"),
		actor: textOf(row, "actor"),
		action: textOf(row, "action"),
		object: textOf(row, "object"),
		...(typeof version === "number" ? { version } : {}),
		previous: bytesOf(row, "previous"),
		hash: bytesOf(row, "hash"),
	};
}

/**
 * The first thing wrong with a chain, as a sentence, or undefined. An edited, removed, inserted or moved
 * record breaks it. Whoever can write the database can make the whole chain anew, or cut its
 * end: only an end kept elsewhere shows that.
 *
 * @param kept an end that an earlier verification printed
 */
export function chainProblem(records: readonly AuditRecord[], kept?: AuditHead): string | undefined {
	let previous: Buffer = nothingBefore;
	for (const [index, record] of records.entries()) {
		if (record.sequence !== index + 1) return `Record ${index + 1} is missing.`;
		if (!record.previous.equals(previous)) return `Record ${record.sequence} does not follow the record before it.`;
		if (!record.hash.equals(hashOf(record))) return `Record ${record.sequence} was changed.`;
		previous = record.hash;
	}
	if (records.length === 0) return "The log is empty; a strongroom has at least the record of its making.";
	if (kept === undefined) return undefined;
	const record = records[kept.sequence - 1];
	if (record === undefined) return `The log ends before record ${kept.sequence}, which it once had.`;
	return record.hash.toString("hex") === kept.hash ? undefined : `Record ${kept.sequence} is not the one that was seen before.`;
}

/** The end of a chain. */
export function chainHead(records: readonly AuditRecord[]): AuditHead | undefined {
	const last = records.at(-1);
	return last === undefined ? undefined : { sequence: last.sequence, hash: last.hash.toString("hex") };
}

function hashOf(record: Omit<AuditRecord, "hash">): Buffer {
	const { sequence, time, actor, action, object, version, previous } = record;
	const fields = [sequence, time, actor, action, object, version ?? "", previous];
	return createHash("sha256")
		.update(encodeFields(["claviger/strongroom/audit/1", ...fields]))
		.digest();
}
