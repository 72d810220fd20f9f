import type { Faults } from "../../plan/faults.ts";
import { Fields, quote } from "../../plan/fields.ts";
import { decodeText } from "../../render/encoding.ts";
import { jweAlgorithm, looksLikeJwe, parseJwe } from "../../sealing/jwe.ts";
import { isUnbound } from "../../sealing/jwe-audience.ts";
import { type CiphertextRef, decryptAlgorithms, makeCiphertextRef, type Sealed } from "./ciphertext-ref.ts";
import type { AzureInstance } from "./instance.ts";
import type { AzureEntry } from "./object-entry.ts";
import { objectNameForm, objectVersionForm } from "./ref.ts";

/** What RSA keys of Key Vault encrypt to, in bytes. Source: Key Vault, "Key types, algorithms, and operations". */
const rsaLengths: readonly number[] = [256, 384, 512];
const sealRemedy = "Make the entry with `claviger seal azure`.";
const boundRemedy = "Seal the value for its service account with `claviger seal azure`; or the administrator sets allowUnboundKms.";

/** The fields of an entry of type `decrypt` in the dialect `azure` that no other type has. */
export const ciphertextFields = ["ciphertext", "algorithm"] as const;

/** What a ciphertext's fields are read against. */
export type CiphertextPlace = Pick<AzureInstance, "allowUnboundKms">;

/**
 * How long a decrypted value is kept before Key Vault is asked again, in seconds. A ciphertext changes only with its
 * SecretProviderClass, so asking anew serves one purpose: that a withdrawn right to the key takes effect.
 */
export const kmsRefreshSeconds = 3600;

/** Whether an entry of the native dialect is of a value that lies in it. */
export function isCiphertext(fields: Fields): boolean {
	return fields.has("ciphertext");
}

/**
 * Reads an entry of the native dialect: `path`, the key's name; `version`, its version; `ciphertext`, `algorithm`; and
 * `object`, the name that the value was sealed under (default: the entry's `name`).
 */
export function readCiphertext(fields: Fields, place: CiphertextPlace): CiphertextRef {
	const name = fields.required("path", "Write the name of the key in the vault.");
	const version = fields.text("version") ?? "";
	if (name !== "" && !objectNameForm.test(name))
		fields.reject("path", `is ${quote(name)}, which is no name in Key Vault`, "Write letters, digits and dashes, 127 at most.");
	if (!objectVersionForm.test(version))
		fields.reject("version", `is ${quote(version)}, which is no version`, "Write the 32 hexadecimal digits that Key Vault shows.");
	const object = fields.text("object");
	if (object === "") fields.reject("object", "is empty", "Write the name that the value was sealed under.");
	return makeCiphertextRef({ name, version, sealed: readSealed(fields, place), objectName: object ?? fields.text("name") ?? "" });
}

/** The parts of an entry of type `decrypt` that say where a ciphertext is and how it opens. */
export type CiphertextEntry = Pick<
	AzureEntry,
	"path" | "objectName" | "objectVersion" | "objectVersionHistory" | "objectAlias" | "ciphertext"
>;

/** Reads an entry of type `decrypt` of the dialect `azure`, whose name and version have been checked. */
export function readCiphertextObject(entry: CiphertextEntry, place: CiphertextPlace, faults: Faults): CiphertextRef {
	const { path, objectName: name, objectVersion: version, objectVersionHistory, objectAlias, ciphertext } = entry;
	if (objectAlias === "") faults.add(`${path}.objectAlias`, "is missing", "Write the path of the file: one key has many values.");
	if (objectVersionHistory > 1) faults.add(`${path}.objectVersionHistory`, "stands in an entry of type decrypt", "Remove it.");
	const sealed = readSealed(new Fields(ciphertext, path, faults), place);
	return makeCiphertextRef({ name, version, sealed, objectName: objectAlias });
}

/** Reads what both dialects write alike, and faults what Key Vault, or we, would refuse. */
function readSealed(fields: Fields, place: CiphertextPlace): Sealed {
	const algorithm = fields.oneOf("algorithm", decryptAlgorithms, jweAlgorithm);
	const nothing: Sealed = { kind: "direct", algorithm, ciphertext: Buffer.alloc(0) };
	const written = fields.required("ciphertext", sealRemedy);
	if (written === "") return nothing;
	// Long texts are folded into lines.
	const text = written.replace(/\s/g, "");
	if (looksLikeJwe(text)) return readEnvelope(fields, text, algorithm, place) ?? nothing;
	const ciphertext = decodeText(text, "base64") ?? decodeText(text, "base64url");
	if (ciphertext === undefined) fields.reject("ciphertext", "is neither a JWE nor base64", sealRemedy);
	else if (!rsaLengths.includes(ciphertext.length)) fields.reject("ciphertext", lengthProblem(ciphertext), sealRemedy);
	else if (!place.allowUnboundKms)
		fields.reject("ciphertext", "is bound to no service account, which the administrator does not allow", boundRemedy);
	return { kind: "direct", algorithm, ciphertext: ciphertext ?? Buffer.alloc(0) };
}

function readEnvelope(fields: Fields, text: string, algorithm: string, place: CiphertextPlace): Sealed | undefined {
	const jwe = parseJwe(text);
	if (typeof jwe === "string") {
		fields.reject("ciphertext", jwe, sealRemedy);
		return undefined;
	}
	if (algorithm !== jweAlgorithm)
		fields.reject("algorithm", `is ${algorithm}, and the ciphertext is a JWE with ${jweAlgorithm}`, "Remove it.");
	if (!rsaLengths.includes(jwe.encryptedKey.length))
		fields.reject("ciphertext", `is a JWE whose key ${lengthProblem(jwe.encryptedKey)}`, sealRemedy);
	if (isUnbound(jwe) && !place.allowUnboundKms)
		fields.reject("ciphertext", "is a JWE without aud, bound to nobody, which the administrator does not allow", boundRemedy);
	return { kind: "jwe", jwe };
}

function lengthProblem(bytes: Buffer): string {
	return `has ${bytes.length} bytes; an RSA key of Key Vault makes ${rsaLengths.join(", ")}`;
}
