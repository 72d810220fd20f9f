import { createHash } from "node:crypto";
import type { Jwe } from "../../sealing/jwe.ts";
import type { VaultRef } from "./ref.ts";

/** How Key Vault decrypts, in the words of its API; `RSA1_5` is never among them, since its padding tells of itself. */
export const decryptAlgorithms = ["RSA-OAEP-256", "RSA-OAEP"] as const;
export type DecryptAlgorithm = (typeof decryptAlgorithms)[number];

/** A value as it lies in the SecretProviderClass. */
export type Sealed =
	/** Encrypted by the key itself, for no workload in particular. */
	| { readonly kind: "direct"; readonly algorithm: DecryptAlgorithm; readonly ciphertext: Buffer }
	/** Encrypted by a key of its own, which Key Vault unwraps, and bound to whom its header names. */
	| { readonly kind: "jwe"; readonly jwe: Jwe };

/**
 * A value that lies encrypted in the SecretProviderClass. Name and version are those of the key that decrypts; the
 * newest version, for an empty one, does not open what an earlier one has encrypted.
 * Source: Key Vault REST API, Decrypt and Unwrap Key.
 */
export interface CiphertextRef extends VaultRef {
	readonly kind: "ciphertext";
	readonly history: 0;
	readonly form: "plain";
	readonly sealed: Sealed;
	/** What the value is delivered as, which it may be bound to. */
	readonly objectName: string;
}

/** All that makes a difference is in the key, so that no two different things share a value. */
export function makeCiphertextRef(parts: Pick<CiphertextRef, "name" | "version" | "sealed" | "objectName">): CiphertextRef {
	const { name, version, sealed, objectName } = parts;
	const key = JSON.stringify(["ciphertext", name.toLowerCase(), version.toLowerCase(), objectName, digest(sealed)]);
	return { kind: "ciphertext", history: 0, form: "plain", ...parts, key };
}

/** Long values would make long keys of every cache. */
function digest(sealed: Sealed): string {
	const hash = createHash("sha256");
	if (sealed.kind === "direct") hash.update(`direct ${sealed.algorithm} `).update(sealed.ciphertext);
	else {
		const { header, encryptedKey, envelope } = sealed.jwe;
		const parts = [encryptedKey, envelope.iv, envelope.data, envelope.tag].map((part) => part.toString("base64url"));
		hash.update(`jwe ${[header, ...parts].join(".")}`);
	}
	return hash.digest("base64url");
}
