import { createHash } from "node:crypto";
import type { WorkloadBinding } from "../../sealing/workload.ts";
import type { Ref } from "../store.ts";

/** A value that lies encrypted in the SecretProviderClass. Source: Cloud KMS API v1, cryptoKeys.decrypt. */
export interface CiphertextRef extends Ref {
	readonly kind: "ciphertext";
	/** `projects/P/locations/L/keyRings/R/cryptoKeys/K`. */
	readonly keyName: string;
	readonly ciphertext: Buffer;
	readonly bind: WorkloadBinding;
	/** What is authenticated along with a value that is bound to nobody; empty for others. */
	readonly additionalText: string;
	/** What the value is delivered as, which it may be bound to. */
	readonly objectName: string;
}

/** All that makes a difference is in the key, so that no two different things share a value. */
export function makeCiphertextRef(parts: Omit<CiphertextRef, "kind" | "key" | "leased">): CiphertextRef {
	const { keyName, ciphertext, bind, additionalText, objectName } = parts;
	// Long values would make long keys of every cache.
	const digest = createHash("sha256").update(ciphertext).digest("base64url");
	return { kind: "ciphertext", ...parts, key: JSON.stringify(["ciphertext", keyName, digest, bind, additionalText, objectName]) };
}
