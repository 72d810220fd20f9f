import { quote } from "../../plan/fields.ts";
import type { KeyFile } from "../../sealing/key-directory.ts";
import { isSealedFor, type SealedValue } from "../../sealing/sealed-value.ts";
import type { SealedFor } from "../../sealing/workload.ts";
import type { SealedInstance } from "./instance.ts";

/** What is the matter with a value, by what it says of itself. */
export interface Problem {
	/** As a clause, such as `is sealed for the service account "shop/web", not for shop/batch`. */
	readonly cause: string;
	readonly remedy: string;
}

/** Why these pods may not have a value. Without a service account any pods of the namespace are meant. */
export function holderProblem(
	sealed: SealedValue,
	{ namespace, serviceAccount }: { readonly namespace: string; readonly serviceAccount: string | undefined },
): Problem | undefined {
	const { sealedFor } = sealed;
	if (isSealedFor(sealed, { namespace, serviceAccount: serviceAccount ?? sealedFor.serviceAccount })) return undefined;
	const holder = serviceAccount === undefined ? `the namespace ${namespace}` : `${namespace}/${serviceAccount}`;
	return {
		cause: `is sealed for ${describe(sealedFor)}, not for ${holder}`,
		remedy: "Seal it for the pod's own namespace and service account: claviger seal value.",
	};
}

/** Why the administrator lets nobody have a value. */
export function scopeProblem({ sealedFor }: SealedValue, { allowNamespaceScope }: SealedInstance): Problem | undefined {
	if (sealedFor.kind !== "namespace" || allowNamespaceScope) return undefined;
	return {
		cause: `is sealed for ${describe(sealedFor)}, which the administrator does not allow`,
		remedy: "Seal it for one service account; or the administrator sets allowNamespaceScope.",
	};
}

/** Another installation's value, or one that has outlived its key. */
export function unknownKey({ keyId }: SealedValue): Problem {
	return {
		cause: `is sealed for the key ${keyId}, which this installation does not have`,
		remedy: "Seal it with this installation's public key: claviger seal value, or claviger reseal while the old key is at hand.",
	};
}

/** What the decryption alone can find. */
export const damaged: Problem = {
	cause: "is damaged, or was changed after it was sealed",
	remedy: "Seal the value anew with `claviger seal value`.",
};

/** What concerns nobody yet: the value opens, and its key is not the last one. */
export function ageProblem({ keyId }: SealedValue, keys: readonly KeyFile[]): Problem | undefined {
	const current = keys.at(-1)?.key.id;
	if (current === undefined || current === keyId) return undefined;
	return {
		cause: `is sealed for the key ${keyId}, which ${current} has followed`,
		remedy: "Seal it anew before the old key is taken away: claviger reseal.",
	};
}

function describe({ kind, namespace, serviceAccount }: SealedFor): string {
	return kind === "namespace"
		? `all of the namespace ${quote(namespace)}`
		: `the service account ${quote(`${namespace}/${serviceAccount}`)}`;
}
