import { ProviderError } from "../../errors.ts";
import { quote } from "../../plan/fields.ts";
import { Secret } from "../../shared/secret.ts";
import type { Failed, Found, Outcome } from "../store.ts";
import { pemReader } from "./certificate-secret.ts";
import { deletedOutcome, nonsense, readOutcome } from "./failures.ts";
import { readCertificate } from "./read-certificate.ts";
import { NoValue } from "./read-failure.ts";
import { readHistory } from "./read-history.ts";
import { readKey } from "./read-key.ts";
import { readSecret } from "./read-secret.ts";
import { type CertificateBundle, type KeyBundle, objectNameForm, objectVersionForm, type SecretBundle, type StoredRef } from "./ref.ts";
import type { Place } from "./session.ts";
import type { FailedRead } from "./words.ts";

type Bundles = SecretBundle | KeyBundle | CertificateBundle;

/** One version of a thing: as a bundle, and as what it is delivered as when nobody asks for more. */
export interface ReadVersion<Bundle = Bundles> {
	readonly bundle: Bundle;
	/** @throws ProviderError `invalid`, or NoValue, when it cannot be delivered so */
	plain(): string;
}

/** How the things of one kind are read. */
export interface KindReader<Bundle = Bundles> {
	/** @throws ProviderError when there was no answer, NoValue when it held nothing, the SDK's error when it was one */
	get(name: string, version: string, place: Place, signal: AbortSignal): Promise<ReadVersion<Bundle>>;
	/** All versions, in no order. @throws as {@link get} */
	versions(name: string, place: Place, signal: AbortSignal): Promise<ListedVersion[]>;
	/** Looks for a thing among those that are deleted and can be recovered. @throws as {@link get} where it is not */
	getDeleted(name: string, place: Place, signal: AbortSignal): Promise<void>;
}

export interface ListedVersion {
	readonly version: string;
	readonly enabled: boolean;
	/** Milliseconds since 1970. */
	readonly createdAt: number;
}

const readers: Readonly<Record<StoredRef["kind"], KindReader>> = { secret: readSecret, key: readKey, certificate: readCertificate };

/** Reads one thing that the vault keeps. Only the signal's reason is thrown. */
export async function readStored(ref: StoredRef, place: Place, signal: AbortSignal): Promise<Outcome | Failed> {
	if (!objectNameForm.test(ref.name) || !objectVersionForm.test(ref.version)) return malformed(ref);
	const { instance, identity } = place;
	const { kind, name, version, history } = ref;
	const read: FailedRead = { instance, identity, kind, name, version, action: history === 0 ? "get" : "list" };
	const outcome = await attempt(ref, place, signal).catch((error: unknown) => {
		signal.throwIfAborted();
		return error instanceof NoValue ? nonsense(read, error.message) : readOutcome(error, read);
	});
	return outcome.kind === "absent" && (await isDeleted(ref, place, signal)) ? deletedOutcome(outcome, read) : outcome;
}

async function attempt(ref: StoredRef, place: Place, signal: AbortSignal): Promise<Outcome> {
	const reader = ref.pem === undefined ? readers[ref.kind] : pemReader(ref.pem);
	if (ref.history > 0) return readHistory(ref, reader, place, signal);
	return foundIn(await reader.get(ref.name, ref.version, place, signal), ref.form);
}

function foundIn(read: ReadVersion, form: StoredRef["form"]): Found {
	if (form === "plain") return { kind: "found", value: new Secret(read.plain()), structure: "bytes" };
	return { kind: "found", value: new Secret(JSON.stringify(read.bundle)), structure: "json" };
}

/** What cannot be found out is not claimed: an identity may have the right to read and not to look among the deleted. */
async function isDeleted({ kind, name }: StoredRef, place: Place, signal: AbortSignal): Promise<boolean> {
	try {
		await readers[kind].getDeleted(name, place, signal);
		return true;
	} catch {
		signal.throwIfAborted();
		return false;
	}
}

function malformed({ kind, name, version }: StoredRef): Failed {
	const isName = objectNameForm.test(name);
	const what = isName ? `${quote(version)} is no version of a ${kind}` : `${quote(name)} is no name of a ${kind}`;
	const remedy = isName
		? "Write the 32 hexadecimal digits that Key Vault shows, or leave it out."
		: "Write letters, digits and dashes, 127 at most.";
	return { kind: "failed", error: new ProviderError("invalid", `${what} in Key Vault.`, { stage: "read", remedy }) };
}
