import { type Fields, quote } from "../../plan/fields.ts";
import type { StoreInstance } from "../store.ts";
import { type ClusterSource, clusterOf, clusterSources, type Environment } from "./cluster.ts";
import { readServiceEndpoints } from "./endpoints.ts";
import { metadataUrl, type ServiceEndpoints, services, serviceUrls } from "./hosts.ts";
import { identityProviderOf, isPool, providerRemedy, workloadAudience } from "./pool.ts";
import { isLocation } from "./resource.ts";
import { accountAnnotation } from "./role.ts";

/**
 * How a session logs in. `pod`: Google's token service exchanges the pod's token. `key`: with the key file of a service
 * account in nodePublishSecretRef. `node`: as the service account of the node.
 */
export const identityKinds = ["pod", "key", "node"] as const;

export type IdentityKind = (typeof identityKinds)[number];

/** The options of an instance as written. Empty texts count as not written. */
export interface GcpOptions {
	/** The project of objects that are named without one. */
	readonly project: string;
	/** The location of objects that are named without one; empty: global. */
	readonly location: string;
	readonly identity: IdentityKind;
	/** The pool of the cluster's identities, such as `my-proj.svc.id.goog`; empty for a provider of a pool that names it itself. */
	readonly workloadPool: string;
	/** The cluster in the pool, or the provider of a workload identity pool, by its canonical name. */
	readonly identityProvider: string;
	/** Where pool and cluster are found out, where they are not written. */
	readonly clusterFrom: ClusterSource;
	/** Whether an annotation of the pod's service account may name a Google service account to act as. */
	readonly impersonation: "annotation" | "none";
	/** The administrator's addresses in the place of Google's own; a class cannot set them. */
	readonly serviceEndpoints: ServiceEndpoints;
	/** The namespaces whose pods may use the node's identity; the administrator's decision. */
	readonly nodeIdentityNamespaces: readonly string[];
	/** Whether classes may log in with key files of nodePublishSecretRef; the administrator's decision. */
	readonly allowKeyFiles: boolean;
	/** Whether values that were encrypted for no pod in particular are decrypted; the administrator's decision. */
	readonly allowUnboundKms: boolean;
}

/** Secret Manager, Parameter Manager and Cloud KMS, everywhere, as one kind of identity. */
export interface GcpInstance extends StoreInstance, GcpOptions {}

/** What {@link makeGcpInstance} makes an instance of. */
export type GcpParts = GcpOptions & { readonly name: string };

/** Notes what is wrong with one option. */
export type ReportOption = (option: keyof GcpOptions, message: string, remedy: string) => void;

/** Reads the options of a mapping: an entry under `stores`, or an administrator's defaults of the dialect (`dialects.gcp`). */
export function readOptions(fields: Fields, environment: Environment = process.env): GcpOptions {
	const text = (key: string) => fields.text(key) ?? "";
	const clusterFrom = fields.oneOf("clusterFrom", clusterSources, "written");
	const provider = text("identityProvider");
	const written = { workloadPool: text("workloadPool"), identityProvider: identityProviderOf(provider) ?? provider };
	return {
		project: text("project"),
		location: text("location"),
		identity: fields.oneOf("identity", identityKinds, "pod"),
		...(clusterFrom === "environment" ? clusterOf(environment, written, fields) : written),
		clusterFrom,
		impersonation: fields.oneOf("impersonation", ["annotation", "none"], "annotation"),
		serviceEndpoints: readServiceEndpoints(fields),
		nodeIdentityNamespaces: readNamespaces(fields.mapping("nodeIdentity")),
		allowKeyFiles: fields.boolean("allowKeyFiles"),
		allowUnboundKms: fields.boolean("allowUnboundKms"),
	};
}

/** The instance of an entry under `stores`. */
export function readInstance(name: string, fields: Fields): GcpInstance {
	const report: ReportOption = (option, message, remedy) => fields.reject(option, message, remedy);
	const instance = makeGcpInstance({ name, ...readOptions(fields) }, report);
	const missing = missingOption(instance);
	if (missing !== undefined) report(missing, "is missing", missing === "workloadPool" ? poolRemedy : providerRemedy);
	return instance;
}

export const poolRemedy =
	"Write the cluster's pool, PROJECT.svc.id.goog, and the cluster as identityProvider; or a pool's provider as identityProvider.";

/** The option without which pods cannot log in. */
export function missingOption({
	identity,
	workloadPool,
	identityProvider,
	clusterFrom,
}: GcpOptions): "workloadPool" | "identityProvider" | undefined {
	if (identity !== "pod" || workloadAudience({ workloadPool, identityProvider }) === "")
		return identity === "pod" ? "workloadPool" : undefined;
	return identityProvider === "" && clusterFrom !== "metadata" ? "identityProvider" : undefined;
}

/**
 * Checks the options and makes the instance. Whatever is reported makes the result unusable. A missing pool or cluster
 * is not reported: {@link missingOption} tells it.
 */
export function makeGcpInstance(parts: GcpParts, report: ReportOption): GcpInstance {
	checkOptions(parts, report);
	const {
		name,
		identity,
		workloadPool,
		identityProvider,
		clusterFrom,
		impersonation,
		serviceEndpoints,
		nodeIdentityNamespaces,
		allowUnboundKms,
	} = parts;
	const login = { identity, workloadPool, identityProvider, clusterFrom, impersonation, nodeIdentityNamespaces, allowUnboundKms };
	const derived = derivedEndpoints(parts);
	return {
		...parts,
		name,
		type: "gcp",
		// Where objects lie that are named without a project makes no difference to a login.
		key: JSON.stringify(["gcp", ...Object.values(login), Object.entries(serviceEndpoints)]),
		endpoints: [...new Set([...derived, ...Object.values(serviceEndpoints)])],
		derivedEndpoints: derived,
		administratorsOnly: isReserved(parts),
		defaultAudience: workloadAudience({ workloadPool, identityProvider }),
		skipsTlsVerification: false,
		bringsOwnTrust: false,
		...(identity === "pod" && impersonation === "annotation" ? { roleAnnotation: accountAnnotation } : {}),
		...loginOf(identity),
	};
}

function loginOf(identity: IdentityKind): Pick<StoreInstance, "loginBy"> {
	if (identity === "pod") return {};
	return { loginBy: identity === "key" ? "credentials" : "node" };
}

function checkOptions({ project, location, workloadPool, identityProvider }: GcpOptions, report: ReportOption): void {
	if (project !== "" && !/^[a-z0-9][a-z0-9.:-]{1,99}$/.test(project))
		report("project", `is ${quote(project)}, which is no project`, "Write its id or number.");
	if (location !== "" && !isLocation(location))
		report("location", `is ${quote(location)}, which is no location`, "Write global, or a region such as europe-west3.");
	if (workloadPool !== "" && !isPool(workloadPool))
		report("workloadPool", `is ${quote(workloadPool)}, which is no pool of a cluster`, "Write it as PROJECT.svc.id.goog.");
	if (identityProvider !== "" && identityProviderOf(identityProvider) === undefined)
		report("identityProvider", `is ${quote(identityProvider)}, which names neither a cluster nor a provider`, providerRemedy);
}

/** Whether anything is asked for that a SecretProviderClass may not: other addresses, or rights that are not the pod's own. */
function isReserved(options: GcpOptions): boolean {
	const { identity, clusterFrom, serviceEndpoints, nodeIdentityNamespaces, allowKeyFiles, allowUnboundKms } = options;
	if (identity !== "pod" || clusterFrom !== "written" || allowKeyFiles || allowUnboundKms) return true;
	return nodeIdentityNamespaces.length > 0 || Object.keys(serviceEndpoints).length > 0;
}

/** The servers that nobody wrote the address of. */
function derivedEndpoints({ identity, clusterFrom, serviceEndpoints }: GcpOptions): readonly string[] {
	const asked = services.filter((service) => {
		if (service === "oauth2") return identity === "key";
		if (service === "sts" || service === "securetoken" || service === "iamcredentials") return identity === "pod";
		return true;
	});
	const urls = asked.filter((service) => serviceEndpoints[service] === undefined).flatMap(serviceUrls);
	const asksNode = (identity === "node" || clusterFrom === "metadata") && serviceEndpoints.metadata === undefined;
	return asksNode ? [...urls, metadataUrl] : urls;
}

function readNamespaces(fields: Fields | undefined): readonly string[] {
	const namespaces = fields?.texts("namespaces") ?? [];
	fields?.done();
	return namespaces;
}
