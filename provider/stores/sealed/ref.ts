import { createHash } from "node:crypto";
import { type Fields, quote } from "../../plan/fields.ts";
import { parseSealedValue, type SealedValue } from "../../sealing/sealed-value.ts";
import type { Ref } from "../store.ts";

/** A value that lies sealed in the SecretProviderClass. */
export interface SealedRef extends Ref {
	readonly sealed: SealedValue;
	/** The object's name, which the value may be bound to. */
	readonly object: string;
}

const sealRemedy = "Make the entry with `claviger seal value`.";
const nothing: SealedValue = { text: "", keyId: "", sealedFor: { kind: "none", namespace: "", serviceAccount: "", object: "" } };

/**
 * Reads an entry's `sealed`, and compares the name that it was sealed under with the entry's: two entries whose values
 * were swapped are a fault of the class, whoever mounts it. Whose the value is, is judged where the pod is known.
 */
export function readRef(fields: Fields): SealedRef {
	// YAML folds long texts into lines, and the format has no white space.
	const text = fields.required("sealed", sealRemedy).replace(/\s/g, "");
	const object = fields.text("name") ?? "";
	// Long values would make long keys of every cache.
	const digest = createHash("sha256").update(text).digest("base64url");
	return { key: JSON.stringify([digest, object]), sealed: text === "" ? nothing : readValue(fields, text, object), object };
}

function readValue(fields: Fields, text: string, object: string): SealedValue {
	const sealed = parseSealedValue(text);
	if (typeof sealed === "string") {
		fields.reject("sealed", `of ${quote(object)} ${sealed}`, sealRemedy);
		return nothing;
	}
	const { kind, object: sealedAs } = sealed.sealedFor;
	if (kind !== "object" || sealedAs === object) return sealed;
	const remedy = `Put it under its own name, or seal the value of ${quote(object)} with \`claviger seal value\`.`;
	fields.reject("sealed", `of ${quote(object)} was sealed as the object ${quote(sealedAs)}`, remedy);
	return sealed;
}
