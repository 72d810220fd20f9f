import type { Faults } from "../../plan/faults.ts";
import { Fields, quote } from "../../plan/fields.ts";
import { decodeText } from "../../render/encoding.ts";
import { additionalTextProblem, cryptoKeyLocation, cryptoKeyRemedy } from "../../sealing/crypto-key.ts";
import { type WorkloadBinding, workloadBindings } from "../../sealing/workload.ts";
import { type CiphertextRef, makeCiphertextRef } from "./ciphertext-ref.ts";
import { fileOf, type GcpEntry } from "./entry.ts";
import type { GcpInstance } from "./instance.ts";

/** Wider than 64 KiB of plaintext and what Cloud KMS puts around it. */
const maximumLength = 66_560;
const sealRemedy = "Make the entry with `claviger seal gcp`.";

/** What a ciphertext's fields are read against. */
export type CiphertextPlace = Pick<GcpInstance, "allowUnboundKms">;

/**
 * How long a decrypted value is kept before Cloud KMS is asked again, in seconds. A ciphertext changes only with its
 * SecretProviderClass, so asking anew serves one purpose: that a withdrawn right to the key takes effect.
 */
export const kmsRefreshSeconds = 3600;

/** Whether an entry is of a value that lies in it: it says so, or it names a key, of which nothing else can be had. */
export function isCiphertext(name: string, hasCiphertext: boolean): boolean {
	return hasCiphertext || /\/cryptoKeys\//.test(name);
}

/**
 * Reads an entry of the native dialect: `path`, the key's full name; `ciphertext`, `bind`, `aad`; and `object`, the name
 * that the value was sealed under (default: the entry's `name`).
 */
export function readCiphertext(fields: Fields, place: CiphertextPlace): CiphertextRef {
	const keyName = fields.required("path", cryptoKeyRemedy);
	const problem = keyName === "" ? undefined : keyProblem(keyName);
	if (problem !== undefined) fields.reject("path", problem, cryptoKeyRemedy);
	const object = fields.text("object");
	if (object === "") fields.reject("object", "is empty", "Write the name that the value was sealed under.");
	return makeCiphertextRef({ keyName, objectName: object ?? fields.text("name") ?? "", ...readSealed(fields, place) });
}

/** Reads an entry of the dialect `gcp`, whose unknown fields have been passed over. */
export function readCiphertextEntry(entry: GcpEntry, place: CiphertextPlace, faults: Faults): CiphertextRef {
	const { path, resourceName: keyName, ciphertext } = entry;
	const problem = keyProblem(keyName);
	if (problem !== undefined) faults.add(`${path}.resourceName`, problem, cryptoKeyRemedy);
	return makeCiphertextRef({ keyName, objectName: fileOf(entry), ...readSealed(new Fields(ciphertext, path, faults), place) });
}

function keyProblem(keyName: string): string | undefined {
	if (cryptoKeyLocation(keyName) !== undefined) return undefined;
	if (/\/cryptoKeyVersions\//.test(keyName)) return `is ${quote(keyName)}, a version of a key: the ciphertext itself tells its version`;
	return keyName === "" ? "is missing, and ciphertext needs a key" : `is ${quote(keyName)}, which names no key for the ciphertext`;
}

/** Reads what both dialects write alike, and faults what Cloud KMS, or we, would refuse. */
function readSealed(fields: Fields, place: CiphertextPlace): Pick<CiphertextRef, "ciphertext" | "bind" | "additionalText"> {
	const ciphertext = readBytes(fields);
	const bind = readBind(fields, place);
	return { ciphertext, bind, additionalText: readAdditionalText(fields, bind) };
}

/** Base64 with its padding (RFC 4648, section 4), as `gcloud kms encrypt | base64` writes it. Long texts are folded into lines. */
function readBytes(fields: Fields): Buffer {
	const written = fields.required("ciphertext", sealRemedy);
	const bytes = decodeText(written.replace(/\s/g, ""), "base64");
	if (bytes === undefined || (bytes.length === 0 && written !== "")) fields.reject("ciphertext", "is not base64", sealRemedy);
	else if (bytes.length > maximumLength)
		fields.reject("ciphertext", `has ${bytes.length} bytes, more than Cloud KMS makes of 64 KiB`, sealRemedy);
	return bytes ?? Buffer.alloc(0);
}

function readBind(fields: Fields, { allowUnboundKms }: CiphertextPlace): WorkloadBinding {
	const kind = fields.oneOf("bind", workloadBindings, "serviceAccount");
	if (kind === "none" && !allowUnboundKms)
		fields.reject(
			"bind",
			"is none, which the administrator does not allow",
			"Seal the value for its service account with `claviger seal gcp`; or the administrator sets allowUnboundKms.",
		);
	return kind;
}

/** An author who could write any additional data could write another's. */
function readAdditionalText(fields: Fields, bind: WorkloadBinding): string {
	const text = fields.text("aad");
	if (text !== undefined && bind !== "none")
		fields.reject("aad", `stands in an entry with bind: ${bind}, which says what it is`, "Remove it.");
	const problem = text === undefined ? undefined : additionalTextProblem(text);
	if (problem !== undefined) fields.reject("aad", problem, "Seal the value anew with another.");
	return text ?? "";
}
