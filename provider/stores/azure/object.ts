import type { Faults } from "../../plan/faults.ts";
import { type Encoding, readEncoding } from "../../shared/go-encoding.ts";
import { readCiphertextObject } from "./ciphertext.ts";
import type { CiphertextRef } from "./ciphertext-ref.ts";
import { filePathOf, modeOf } from "./object-checks.ts";
import type { AzureEntry } from "./object-entry.ts";
import { makeStoredRef, maximumHistory, type ObjectKind, type PemOrder, type StoredRef } from "./ref.ts";

/** What the administrator decides for all classes, and today's provider takes as flags. */
export interface CertificateSwitches {
	/** Whether certificates of PKCS#12 are put in the order of a chain. */
	readonly constructPemChain: boolean;
	/** Whether a certificate's secret also makes a file `.crt` and one `.key`. */
	readonly writeCertAndKeyInSeparateFiles: boolean;
}

/** All that the administrator decides of objects. */
export interface ObjectSwitches extends CertificateSwitches {
	/** Whether values that were encrypted for no workload in particular are decrypted. */
	readonly allowUnboundKms: boolean;
}

/** An object as a plan needs it: what to ask for, and how its files are made. */
export interface AzureObject {
	readonly entry: AzureEntry;
	readonly ref: StoredRef | CiphertextRef;
	/** What today's provider calls it in versions, such as `secret/db`; each version of a history has `/0`, `/1`, … behind it. */
	readonly id: string;
	/** Its path in the volume; of a history, the folder of its versions. */
	readonly file: string;
	/** Undefined: the request's default. */
	readonly mode: number | undefined;
	readonly encoding: Encoding;
	/** Whether a certificate's secret stays as it is stored. */
	readonly staysPkcs12: boolean;
	readonly separateFiles: boolean;
}

const kinds: ReadonlyMap<string, ObjectKind> = new Map([
	["secret", "secret"],
	["key", "key"],
	["cert", "certificate"],
]);

/** Makes an object of an entry that has been checked; of a faulty one something that nobody uses. */
export function makeObject(entry: AzureEntry, switches: ObjectSwitches, faults: Faults): AzureObject {
	const { objectType, objectName, objectFormat, objectEncoding, filePermission } = entry;
	const kind = kinds.get(objectType) ?? "secret";
	const staysPkcs12 = objectFormat.toLowerCase() === "pfx";
	const separateFiles = kind === "secret" && switches.writeCertAndKeyInSeparateFiles;
	const needs = { needsPem: kind === "secret" && (separateFiles || !staysPkcs12), separateFiles, switches };
	return {
		entry,
		ref: objectType === "decrypt" ? readCiphertextObject(entry, switches, faults) : makeRef(entry, kind, needs),
		id: `${objectType}/${objectName}`,
		file: filePathOf(entry),
		mode: modeOf(filePermission),
		encoding: readEncoding(objectEncoding) ?? "utf-8",
		staysPkcs12,
		separateFiles,
	};
}

interface RefNeeds {
	readonly needsPem: boolean;
	readonly separateFiles: boolean;
	readonly switches: CertificateSwitches;
}

function makeRef(entry: AzureEntry, kind: ObjectKind, { needsPem, separateFiles, switches }: RefNeeds): StoredRef {
	const { objectName: name, objectVersion, objectVersionHistory } = entry;
	// Of one version there is no history: it is the version that is named, whatever its state.
	const history = objectVersionHistory > 1 ? Math.min(objectVersionHistory, maximumHistory) : 0;
	// Only where a history begins does the word stand for the newest version.
	const version = history > 0 && objectVersion.toLowerCase() === "latest" ? "" : objectVersion;
	const order: PemOrder = switches.constructPemChain ? "leaf-first" : "stored";
	const form = history > 0 || separateFiles ? "bundle" : "plain";
	return makeStoredRef({ kind, name, version, history, form, ...(needsPem ? { pem: order } : {}) });
}
