import { type Fields, quote } from "../../plan/fields.ts";
import { type CiphertextPlace, isCiphertext, readCiphertext } from "./ciphertext.ts";
import { type AzureRef, makeStoredRef, maximumHistory, objectNameForm, objectVersionForm } from "./ref.ts";

/**
 * Reads the place of an object of the native dialect: `path` (the name in the vault), `kind` (`secret`, `key` or
 * `certificate`), `version`, and `history`: the number of versions wanted, which makes the value a list of bundles as
 * in ref.ts. A certificate's secret is delivered as it is stored, or with `format: pem` as private key and certificates
 * from the leaf to the root.
 */
export function readAzureRef(fields: Fields, place: CiphertextPlace): AzureRef {
	if (isCiphertext(fields)) return readCiphertext(fields, place);
	const name = fields.required("path", "Write the name of the secret, key or certificate.");
	const kind = fields.oneOf("kind", ["secret", "key", "certificate"], "secret");
	const version = fields.text("version") ?? "";
	const format = fields.oneOf("format", ["stored", "pem"], "stored");
	const history = readHistory(fields);
	if (name !== "" && !objectNameForm.test(name))
		fields.reject("path", `is ${quote(name)}, which is no name in Key Vault`, "Write letters, digits and dashes, 127 at most.");
	if (!objectVersionForm.test(version))
		fields.reject("version", `is ${quote(version)}, which is no version`, "Write the 32 hexadecimal digits that Key Vault shows.");
	if (fields.has("format") && kind !== "secret")
		fields.reject("format", `stands beside kind: ${kind}`, "Remove it: keys and certificates are PEM.");
	const form = history === 0 ? "plain" : "bundle";
	return makeStoredRef({ kind, name, version, history, form, ...(format === "pem" ? { pem: "leaf-first" } : {}) });
}

/** 0 where none is wanted. */
function readHistory(fields: Fields): number {
	const text = fields.text("history");
	if (text === undefined) return 0;
	const history = /^[1-9]\d{0,3}$/.test(text) ? Number(text) : 0;
	if (history === 0 || history > maximumHistory)
		fields.reject("history", `is ${quote(text)}`, `Write how many versions are wanted, from 1 to ${maximumHistory}.`);
	return history;
}
