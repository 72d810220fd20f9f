import type { Fields } from "../../plan/fields.ts";
import type { Ref } from "../store.ts";

/** A credential of the instance's service, with all its pairs. */
export interface ConfidantRef extends Ref {
	/** Its id or its name. */
	readonly credential: string;
}

const longestName = 256;

/** Reads an object of the native dialect: `credential`. Which of its pairs is wanted, `key` says, as for every store. */
export function readRef(fields: Fields): ConfidantRef {
	const credential = fields.required("credential", "Write the credential's name, or its id where several have the name.");
	if (credential.length > longestName) fields.reject("credential", `is longer than ${longestName} characters`, "Write its id.");
	return { key: JSON.stringify(["credential", credential]), credential };
}
