import { type Binding, contextOf } from "../../sealing/binding.ts";
import type { Identity } from "../store.ts";
import type { CiphertextRef } from "./ref.ts";

/** What must be true of the pod for KMS to decrypt: namespace and service account are those of the pod that asks. */
export function contextPairs(ref: CiphertextRef, identity: Pick<Identity, "namespace" | "serviceAccount">): ReadonlyMap<string, string> {
	const { namespace, serviceAccount } = identity;
	const binding: Binding = { kind: ref.bind, namespace, serviceAccount, object: ref.objectName, pairs: ref.context };
	return contextOf(binding);
}

/** The same as KMS takes it. Source: KMS API reference, Decrypt, `EncryptionContext`. */
export function encryptionContext(
	ref: CiphertextRef,
	identity: Pick<Identity, "namespace" | "serviceAccount">,
): Readonly<Record<string, string>> {
	return Object.fromEntries(contextPairs(ref, identity));
}
