import type { Fields } from "../../plan/fields.ts";
import type { StoreInstance } from "../store.ts";
import { clientAnnotation } from "./client-id.ts";
import { type CloudName, cloudNames } from "./clouds.ts";
import { checkPlaces, type Places } from "./places.ts";

/**
 * How a session logs in. `workload`: Entra exchanges the pod's token for one of the client's. `binding`: the same
 * through the cluster's token proxy. `principal`: with a client secret of nodePublishSecretRef. `vm`: as an identity of
 * the node.
 */
export const identityKinds = ["workload", "binding", "principal", "vm"] as const;

export type IdentityKind = (typeof identityKinds)[number];

/** Where identity bindings are exchanged. */
export interface TokenProxy {
	/** Empty when there is none. */
	readonly address: string;
	/** The name that it is asked for in the TLS handshake, and that its certificate carries; empty: the host of the address. */
	readonly serverName: string;
	/** PEM of the authorities that its certificate is trusted by; empty: the process's own. */
	readonly caFile: string;
}

/** The options of an instance as written. Empty texts count as not written. What follows `identity` is the administrator's alone. */
export interface AzureOptions {
	/** Name of the vault. */
	readonly vault: string;
	/** Id or domain of the tenant. */
	readonly tenant: string;
	readonly cloud: CloudName;
	readonly identity: IdentityKind;
	/** The vault's own address, in the place of the one that is made of its name. */
	readonly address: string;
	/** Who issues tokens, in the place of the cloud's. */
	readonly authority: string;
	/** What vaults' hosts end in, in the place of the cloud's. */
	readonly vaultSuffix: string;
	/** What tokens are made for, in the place of the cloud's; that of AzureStackCloud is `https://` and its suffix. */
	readonly resource: string;
	readonly tokenProxy: TokenProxy;
	/** PEM of the authorities that vault and issuer of tokens are trusted by; empty: the process's own. */
	readonly caFile: string;
	/** The instance metadata service, in the place of its own address. */
	readonly metadata: string;
	/** The namespaces whose pods may use the node's identities. */
	readonly managedIdentityNamespaces: readonly string[];
	/** Whether values that were encrypted for no workload in particular are decrypted. */
	readonly allowUnboundKms: boolean;
}

/** One vault as one kind of identity. */
export interface AzureInstance extends StoreInstance, Places, Omit<AzureOptions, keyof Places | "address" | "vaultSuffix"> {}

/** What {@link makeAzureInstance} makes an instance of. */
export type AzureParts = AzureOptions & { readonly name: string };

/** Notes what is wrong with one option. */
export type ReportOption = (option: keyof AzureOptions, message: string, remedy: string) => void;

/** The audiences of the tokens that are exchanged. Sources: Microsoft Entra Workload ID; AKS, "Identity bindings". */
export const audiences = { exchange: "api://AzureADTokenExchange", binding: "api://AKSIdentityBinding" } as const;

/**
 * Why there is no identity of aad-pod-identity here, as a clause, and what to use. Source: its repository, archived in
 * September 2023: whoever reaches its server on the node is given the identity of the pod that it names.
 */
export const podIdentity = {
	problem: "asks for pod identity (aad-pod-identity), which is not maintained any more and believes the caller's word on who it is",
	remedy:
		"Use workload identity: federate a client with the pod's service account, and name it as clientID (in the dialect claviger: client).",
} as const;

/** Reads the options of a mapping: an entry under `stores`, or an administrator's defaults of the dialect (`dialects.azure`). */
export function readOptions(fields: Fields): AzureOptions {
	const text = (key: string) => fields.text(key) ?? "";
	return {
		vault: text("vault"),
		tenant: text("tenant"),
		cloud: fields.oneOf("cloud", cloudNames, "AzurePublicCloud"),
		identity: readIdentity(fields),
		address: text("address"),
		authority: text("authority"),
		vaultSuffix: text("vaultSuffix"),
		resource: text("resource"),
		tokenProxy: readTokenProxy(fields.mapping("tokenProxy")),
		caFile: text("caFile"),
		metadata: text("metadata"),
		managedIdentityNamespaces: readNamespaces(fields.mapping("managedIdentity")),
		allowUnboundKms: fields.boolean("allowUnboundKms"),
	};
}

/** The instance of an entry under `stores`. */
export function readInstance(name: string, fields: Fields): AzureInstance {
	const options = readOptions(fields);
	if (options.vault === "" && options.address === "") fields.reject("vault", "is missing", "Write the name of the vault.");
	if (options.tenant === "") fields.reject("tenant", "is missing", "Write the id of the tenant that the vault belongs to.");
	return makeAzureInstance({ name, ...options }, (option, message, remedy) => fields.reject(option, message, remedy));
}

/**
 * Checks the options and makes the instance. Whatever is reported makes the result unusable. An empty vault or tenant
 * is not reported: an administrator's defaults leave both to the classes.
 */
export function makeAzureInstance(parts: AzureParts, report: ReportOption): AzureInstance {
	const { name, vault, tenant, cloud, identity, tokenProxy, caFile, metadata, managedIdentityNamespaces, allowUnboundKms } = parts;
	const places = checkPlaces(parts, report);
	const { vaultUrl, loginUrl, resource } = places;
	const written = [parts.address === "" ? "" : vaultUrl, isLoginWritten(parts) ? loginUrl : ""];
	const endpoints = [...new Set([vaultUrl, loginUrl])];
	const options = { tenant, cloud, identity, tokenProxy, caFile, metadata, managedIdentityNamespaces, allowUnboundKms };
	return {
		...options,
		...places,
		vault,
		name,
		type: "azure",
		// The vault's name is in its URL, as far as it makes a difference.
		key: JSON.stringify(["azure", vaultUrl, loginUrl, resource, ...Object.values(options)]),
		endpoints,
		derivedEndpoints: endpoints.filter((url) => !written.includes(url)),
		administratorsOnly: isReserved(parts),
		defaultAudience: identity === "binding" ? audiences.binding : audiences.exchange,
		skipsTlsVerification: false,
		bringsOwnTrust: false,
		...loginOf(identity),
	};
}

/** What the gate must know of the login: with what it is made, and where its client may stand. */
function loginOf(identity: IdentityKind): Pick<StoreInstance, "loginBy" | "roleAnnotation"> {
	if (identity === "principal") return { loginBy: "credentials" };
	return identity === "vm" ? { loginBy: "node" } : { roleAnnotation: clientAnnotation };
}

function isLoginWritten({ identity, authority, metadata }: AzureOptions): boolean {
	if (identity === "binding") return true;
	return (identity === "vm" ? metadata : authority) !== "";
}

/** Whether anything is asked for that a SecretProviderClass may not: other addresses, or rights that are not the pod's own. */
function isReserved(options: AzureOptions): boolean {
	const { address, authority, vaultSuffix, resource, tokenProxy, caFile, metadata } = options;
	const texts = [address, authority, vaultSuffix, resource, caFile, metadata, ...Object.values(tokenProxy)];
	return (
		texts.some((text) => text !== "") ||
		options.identity === "binding" ||
		options.identity === "vm" ||
		options.managedIdentityNamespaces.length > 0 ||
		options.allowUnboundKms
	);
}

function readIdentity(fields: Fields): IdentityKind {
	if (fields.text("identity") !== "pod") return fields.oneOf("identity", identityKinds, "workload");
	fields.reject("identity", podIdentity.problem, podIdentity.remedy);
	return "workload";
}

function readTokenProxy(fields: Fields | undefined): TokenProxy {
	const text = (key: string) => fields?.text(key) ?? "";
	const proxy = { address: text("address"), serverName: text("serverName"), caFile: text("caFile") };
	fields?.done();
	return proxy;
}

function readNamespaces(fields: Fields | undefined): readonly string[] {
	const namespaces = fields?.texts("namespaces") ?? [];
	fields?.done();
	return namespaces;
}
