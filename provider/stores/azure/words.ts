import type { Identity } from "../store.ts";
import type { AzureInstance } from "./instance.ts";
import type { ObjectKind } from "./ref.ts";

/** One read that a vault answered with an error, or not at all. */
export interface FailedRead {
	readonly instance: AzureInstance;
	readonly identity: Identity;
	readonly kind: ObjectKind;
	readonly name: string;
	/** Empty for the newest. */
	readonly version: string;
	/** What was asked for: one version, or the list of all. */
	readonly action: "get" | "list";
}

/** What the API's paths call the kinds. */
const collections = { secret: "secrets", key: "keys", certificate: "certificates" } as const satisfies Record<ObjectKind, string>;

/** What a vault is called in messages. */
export function vaultName({ vault, vaultUrl }: Pick<AzureInstance, "vault" | "vaultUrl">): string {
	return `Key Vault ${vault === "" ? vaultUrl : vault}`;
}

/** Such as `secret "db" (version 0a…)`. */
export function describeThing({ kind, name, version }: Pick<FailedRead, "kind" | "name" | "version">): string {
	const which = version === "" ? "" : ` (version ${JSON.stringify(version.slice(0, 40))})`;
	return `${kind} ${JSON.stringify(name.slice(0, 127))}${which}`;
}

/** Who the vault sees, and whose it is. */
export function describeIdentity({
	instance,
	identity: { role, namespace, serviceAccount },
}: Pick<FailedRead, "instance" | "identity">): string {
	const account = `service account ${namespace}/${serviceAccount}`;
	if (instance.identity === "vm")
		return role === "" ? `the node's own identity for ${account}` : `the node's identity ${role} for ${account}`;
	return role === "" ? `the client of ${account}` : `the client ${role} of ${account}`;
}

/** The arguments by which the Azure command line finds a thing. Names have been checked, so that none needs quotes. */
export function placeArguments({ instance: { vault, vaultUrl }, kind, name }: Pick<FailedRead, "instance" | "kind" | "name">): string {
	return vault === "" ? `--id ${vaultUrl}/${collections[kind]}/${name}` : `--vault-name ${vault} --name ${name}`;
}

/** The same for one version, where one is named. */
export function versionArguments(read: Pick<FailedRead, "instance" | "kind" | "name" | "version">): string {
	const { instance, version } = read;
	if (version === "") return placeArguments(read);
	return `${placeArguments(read)}${instance.vault === "" ? `/${version}` : ` --version ${version}`}`;
}

/** The request that failed, as today's provider's error texts show it. */
export function objectUrl({ instance, kind, name, version, action }: FailedRead): string {
	return `${instance.vaultUrl}/${collections[kind]}/${name}/${action === "list" ? "versions" : version}`;
}

const line = "-".repeat(80);

interface AzureError {
	readonly method: "GET" | "POST";
	readonly url: string;
	/** Such as `404 Not Found`. */
	readonly status: string;
	/** Empty when there is none. */
	readonly code: string;
}

/** An error in the words of the Azure SDK for Go, which today's provider passes on; without the server's body. */
export function azureText({ method, url, status, code }: AzureError): string {
	const meaning = code === "" ? "ERROR CODE UNAVAILABLE" : `ERROR CODE: ${code}`;
	return `${method} ${url}\n${line}\nRESPONSE ${status.slice(0, 3)}: ${status}\n${meaning}\n${line}`;
}
