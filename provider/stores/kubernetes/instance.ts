import { type Address, parseAddress } from "../../net/address.ts";
import type { TlsOptions } from "../../net/tls-trust.ts";
import { type Fields, quote } from "../../plan/fields.ts";
import type { StoreInstance } from "../store.ts";
import { isNamespace } from "./names.ts";

/** The Secrets of one cluster. */
export interface KubernetesInstance extends StoreInstance {
	/** Undefined for the cluster that this process runs in. */
	readonly server: { readonly address: Address; readonly tls: TlsOptions } | undefined;
	/** The namespaces whose Secrets may be read from others. */
	readonly namespaces: readonly string[];
	/** The namespaces whose pods may read as the service account `default`. */
	readonly defaultServiceAccounts: readonly string[];
}

/** What the cluster's own API server is called everywhere; where it is, the process was told at its start. */
const thisCluster = "https://kubernetes.default.svc";

/** Reads an entry of `stores`. */
export function readInstance(name: string, fields: Fields): KubernetesInstance {
	const namespaces = readNamespaces(fields, "namespaces");
	const defaultServiceAccounts = readNamespaces(fields, "defaultServiceAccounts");
	const server = fields.has("address") ? readServer(fields) : undefined;
	if (!fields.has("address")) rejectWithoutAddress(fields);
	const endpoint = server?.address.text ?? thisCluster;
	return {
		name,
		type: "kubernetes",
		key: JSON.stringify(["kubernetes", endpoint, server?.tls ?? {}, namespaces, defaultServiceAccounts]),
		endpoints: [endpoint],
		...(server === undefined ? { isThisCluster: true } : {}),
		administratorsOnly: namespaces.length + defaultServiceAccounts.length > 0,
		skipsTlsVerification: false,
		// The CA is named by its path in the provider's own container, where only the administrator puts files.
		bringsOwnTrust: false,
		server,
		namespaces,
		defaultServiceAccounts,
	};
}

/** Each list is of the administrator's making, so the store is. */
function readNamespaces(fields: Fields, key: string): readonly string[] {
	const names = fields.texts(key);
	for (const [index, name] of names.entries())
		if (!isNamespace(name)) fields.reject(`${key}[${index}]`, `is ${quote(name)}, which is no namespace`, "Write the names of namespaces.");
	return names;
}

function readServer(fields: Fields): KubernetesInstance["server"] {
	const address = parseAddress(
		fields.required("address", "Write it as https://api.cluster.example:6443, or leave it out for this cluster."),
	);
	const audience = fields.text("audience") ?? "";
	// Otherwise the pod's token for this cluster would be handed to another one.
	if (audience === "")
		fields.reject("audience", "is missing", "Write the audience that the other cluster's API server expects of this cluster's tokens.");
	const [caFile, serverName] = [fields.text("caFile"), fields.text("tlsServerName")];
	if ("problem" in address) {
		if (fields.text("address") !== "") fields.reject("address", address.problem, address.remedy);
		return undefined;
	}
	if (address.scheme === "unix") fields.reject("address", "is a socket of the node", "Write it as https://api.cluster.example:6443.");
	const tls = { ...(caFile === undefined ? {} : { caFile }), ...(serverName === undefined ? {} : { serverName }) };
	return { address, tls };
}

function rejectWithoutAddress(fields: Fields): void {
	for (const key of ["caFile", "tlsServerName"]) {
		if (fields.text(key) !== undefined)
			fields.reject(
				key,
				"stands without address",
				"Remove it: what this cluster's API server is trusted by, the provider was started with.",
			);
	}
}
