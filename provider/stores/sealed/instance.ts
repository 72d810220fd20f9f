import { isAbsolute } from "node:path";
import { ProviderError } from "../../errors.ts";
import type { Fields } from "../../plan/fields.ts";
import type { Workload } from "../../sealing/workload.ts";
import type { StoreInstance } from "../store.ts";

/** The installation's private keys, and how widely values may be sealed for them. */
export interface SealedInstance extends StoreInstance {
	/** Where the private keys lie, each a PEM file; a mounted Kubernetes Secret has this form. */
	readonly keyDirectory: string;
	/** Whether values may be opened that are sealed for all service accounts of a namespace. */
	readonly allowNamespaceScope: boolean;
	/** The namespaces whose service account `default` may have sealed values. */
	readonly defaultServiceAccounts: ReadonlySet<string>;
}

/** Reads `keyDirectory`, `allowNamespaceScope` and `defaultServiceAccounts`, which only an administrator writes. */
export function readInstance(name: string, fields: Fields): SealedInstance {
	const keyDirectory = fields.required("keyDirectory", "Write the directory with the private keys, such as /etc/claviger/sealing.");
	if (keyDirectory !== "" && !isAbsolute(keyDirectory)) fields.reject("keyDirectory", "is not an absolute path", "Begin it with `/`.");
	const allowNamespaceScope = fields.boolean("allowNamespaceScope");
	const namespaces = [...new Set(fields.texts("defaultServiceAccounts"))].sort();
	return {
		name,
		type: "sealed",
		key: JSON.stringify(["sealed", keyDirectory, allowNamespaceScope, namespaces]),
		endpoints: [],
		skipsTlsVerification: false,
		bringsOwnTrust: false,
		keyDirectory,
		allowNamespaceScope,
		defaultServiceAccounts: new Set(namespaces),
	};
}

/** Who an account `default` is nobody has decided: every pod without an account of its own is it. @throws ProviderError `denied` */
export function refuseDefault({ defaultServiceAccounts }: SealedInstance, { namespace, serviceAccount }: Workload): void {
	if (serviceAccount !== "default" || defaultServiceAccounts.has(namespace)) return;
	throw new ProviderError(
		"denied",
		`The service account ${namespace}/default gets no sealed values: every pod that names no account is it.`,
		{
			remedy: `Give the pod a service account of its own and seal for that; or the administrator lists ${namespace} in defaultServiceAccounts.`,
		},
	);
}
