import { randomBytes } from "node:crypto";
import { ProviderError } from "../errors.ts";
import { recordAct } from "./audit.ts";
import { keyLength, seal } from "./cipher.ts";
import { isStructuredJson, type Member, maximumMembers, memberNameProblem, parseJson, splitDocument, textMember } from "./document.ts";
import { findHead, findParts, findVersion, type Head, insertPart, nameDamage, type Part, saveHead } from "./entries.ts";
import { type Content, type Layout, type PartPlace, rewrapKey, valueContext, wrapKey } from "./keys.ts";
import { checkAddress, describeAddress, reject, type SecretAddress } from "./names.ts";
import type { OpenStore } from "./open-store.ts";
import type { Rows } from "./storage.ts";
import type { Keyring } from "./unseal.ts";

/** The largest value, in bytes: with it, an answer still fits into the 4 MiB that the driver receives. */
export const maximumValueLength = 3 * 1024 * 1024;
/** How many versions of a secret are kept. */
const keptVersions = 10;

/** Who writes, and on what condition. */
export interface WriteOptions {
	readonly actor: string;
	/** The current version that the writer has seen, 0 for none; another one now refuses the write. */
	readonly ifVersion?: number | undefined;
}

/** A piece of the new version: fresh bytes, or a part of the version before. */
type Piece = { readonly member: string } & ({ readonly bytes: Buffer } | { readonly carried: Part });

interface NewVersion {
	readonly content: Content;
	readonly layout: Layout;
	readonly pieces: readonly Piece[];
}

/**
 * Writes a value as the next version. JSON objects are sealed member by member, so that one
 * can be replaced later by a writer who cannot read the others.
 *
 * @param content `undefined`: JSON objects and lists are JSON, everything else is bytes
 * @returns the new version
 * @throws ProviderError `invalid`, `refused` (another version than expected)
 */
export async function putSecret(
	store: OpenStore,
	address: SecretAddress,
	value: Buffer,
	content: Content | undefined,
	options: WriteOptions,
): Promise<number> {
	checkAddress(address);
	const next = newVersionOf(address, value, content);
	return append(store, address, "put", options, async () => next);
}

function newVersionOf(address: SecretAddress, value: Buffer, content: Content | undefined): NewVersion {
	if (content === "json" && parseJson(value) === undefined) {
		throw new ProviderError("invalid", `The value for ${describeAddress(address)} is not JSON.`, {
			remedy: "Mend it, or write it as --content bytes.",
		});
	}
	const isJson = content === "json" || (content === undefined && isStructuredJson(value));
	const document = isJson ? splitDocument(value) : undefined;
	if (document === undefined) return { content: isJson ? "json" : "bytes", layout: "whole", pieces: [{ member: "", bytes: value }] };
	return { content: "json", layout: "members", pieces: [{ member: "", bytes: document.frame }, ...document.members.map(toPiece)] };
}

function toPiece(member: Member): Piece {
	return { member: member.name, bytes: member.text };
}

/**
 * Sets one member of a JSON object to a text, in a next version that carries the other members over
 * without opening them. A secret that does not exist yet becomes an object with this member.
 *
 * @throws ProviderError `invalid` when the secret is no such object, or the value no UTF-8 text
 */
export async function putMember(
	store: OpenStore,
	address: SecretAddress,
	member: string,
	value: Buffer,
	options: WriteOptions,
): Promise<number> {
	checkAddress(address);
	reject("The JSON key", member, memberNameProblem(member));
	const fresh = toPiece(textMember(member, decodeText(address, member, value)));
	return append(store, address, "set-key", options, async (rows, keyring, head) => {
		const carried = head === undefined || head.state === "deleted" ? [] : await carryOver(rows, keyring, address, head);
		const isKnown = carried.some((piece) => piece.member === member);
		const frame: Piece = { member: "", bytes: Buffer.from("{}") };
		const before = carried.length === 0 ? [frame] : carried;
		const pieces = isKnown ? before.map((piece) => (piece.member === member ? fresh : piece)) : [...before, fresh];
		return { content: "json", layout: "members", pieces };
	});
}

function decodeText(address: SecretAddress, member: string, value: Buffer): string {
	try {
		return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
	} catch {
		throw new ProviderError(
			"invalid",
			`The value for the key ${JSON.stringify(member)} of ${describeAddress(address)} is not UTF-8 text.`,
			{
				remedy: "JSON holds text only: encode it as base64, or put it as a secret of its own.",
			},
		);
	}
}

async function carryOver(rows: Rows, keyring: Keyring, address: SecretAddress, head: Head): Promise<readonly Piece[]> {
	const version = await findVersion(rows, head, head.current);
	if (version?.state !== "kept" || version.layout !== "members") {
		throw new ProviderError(
			"invalid",
			`The current version of ${describeAddress(address)} is not a JSON object whose keys can be set one by one.`,
			{
				remedy: "Put the whole value, as a JSON object of distinct names.",
			},
		);
	}
	const parts = await findParts(rows, keyring, address, head, version);
	return parts.map((part) => ({ member: part.place.member, carried: part }));
}

function checkSize(address: SecretAddress, { pieces }: NewVersion): void {
	const length = pieces.reduce((sum, piece) => sum + ("carried" in piece ? piece.carried.sealed.length : piece.bytes.length), 0);
	if (length > maximumValueLength) {
		throw new ProviderError("invalid", `The value for ${describeAddress(address)} is longer than ${maximumValueLength} bytes.`, {
			remedy: "A volume of the driver carries less than 4 MiB in all; keep large data elsewhere and its key here.",
		});
	}
	if (pieces.length - 1 <= maximumMembers) return;
	throw new ProviderError(
		"invalid",
		`${describeAddress(address)} would have more than ${maximumMembers} JSON keys that are set one by one.`,
		{
			remedy: "Put the whole value, or use several secrets.",
		},
	);
}

/** Makes the next version in one transaction, with its record. */
async function append(
	store: OpenStore,
	address: SecretAddress,
	action: string,
	options: WriteOptions,
	next: (rows: Rows, keyring: Keyring, head: Head | undefined) => Promise<NewVersion>,
): Promise<number> {
	return store.write(async (rows, keyring) => {
		const head = await nameDamage(address, () => findHead(rows, keyring, address));
		checkExpectedVersion(address, head, options.ifVersion);
		const made = await nameDamage(address, () => next(rows, keyring, head));
		checkSize(address, made);
		const { content, layout, pieces } = made;
		const version = (head?.current ?? 0) + 1;
		const secret = await saveHead(rows, keyring, address, { current: version, state: "kept" });
		await rows.run(
			"INSERT INTO versions (secret, version, content, layout, state, created, actor) VALUES (?, ?, ?, ?, 'kept', ?, ?)",
			...[secret, version, content, layout, new Date().toISOString(), options.actor],
		);
		for (const [ordinal, piece] of pieces.entries()) {
			const place = { ...address, storeId: keyring.storeId, version, content, layout, parts: pieces.length, ordinal, member: piece.member };
			await nameDamage(address, () => addPart(rows, keyring, secret, piece, place));
		}
		await rows.run("DELETE FROM versions WHERE secret = ? AND version <= ?", secret, version - keptVersions);
		await recordAct(rows, { actor: options.actor, action, object: describeAddress(address), version });
		return version;
	});
}

async function addPart(rows: Rows, keyring: Keyring, secret: number, piece: Piece, shared: Omit<PartPlace, "origin">): Promise<void> {
	if ("carried" in piece) {
		const place = { ...shared, origin: piece.carried.place.origin };
		const key = await rewrapKey(rows, keyring, piece.carried.key, piece.carried.place, place);
		await insertPart(rows, secret, { place, key, sealed: piece.carried.sealed });
		return;
	}
	const place = { ...shared, origin: shared.version };
	const key = randomBytes(keyLength);
	try {
		const sealed = seal(key, piece.bytes, valueContext(place));
		await insertPart(rows, secret, { place, key: await wrapKey(rows, keyring, key, place), sealed });
	} finally {
		key.fill(0);
	}
}

/** @throws ProviderError `refused` when another version is current than the writer expects */
export function checkExpectedVersion(address: SecretAddress, head: Head | undefined, expected: number | undefined): void {
	const current = head === undefined || head.state === "deleted" ? 0 : head.current;
	if (expected === undefined || expected === current) return;
	const found = current === 0 ? "it does not exist" : `version ${current} is`;
	throw new ProviderError(
		"refused",
		`The secret ${describeAddress(address)}: version ${expected} was expected to be current, but ${found}.`,
		{
			remedy: "Somebody changed it meanwhile; look at its versions and decide anew.",
		},
	);
}
