/** What tells Google whose tokens it is handed. */
export interface WorkloadPool {
	/** Such as `my-proj.svc.id.goog`; empty for a provider that names its pool itself. */
	readonly workloadPool: string;
	/** Of {@link identityProviderOf}. */
	readonly identityProvider: string;
}

export const providerRemedy =
	"Write the cluster, https://container.googleapis.com/v1/projects/PROJECT/locations/LOCATION/clusters/CLUSTER, or the provider, //iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER.";

/** Whether a text is the pool that the clusters of a project or fleet have in common. Source: GKE, "About Workload Identity Federation for GKE". */
export function isPool(text: string): boolean {
	return /^[a-z][a-z0-9.:-]{1,100}\.svc\.id\.goog$/.test(text);
}

const cluster = /^https:\/\/(?:container|gkehub)\.googleapis\.com\/[\w./:-]{1,400}$/;
const poolProvider =
	/^(?:(?:https:)?\/\/iam\.googleapis\.com\/)?(projects\/\d{1,20}\/locations\/global\/workloadIdentityPools\/[a-z0-9-]{2,40}\/providers\/[a-z0-9-]{2,40})$/;

/**
 * The canonical name of a cluster of GKE or of a fleet, or of a provider of a workload identity pool, whichever way it
 * is written; undefined for anything else. Sources: IAM, "Workload Identity Federation"; GKE, "About fleets".
 */
export function identityProviderOf(text: string): string | undefined {
	if (text === "" || cluster.test(text)) return text;
	const [, name] = poolProvider.exec(text) ?? [];
	return name === undefined ? undefined : `//iam.googleapis.com/${name}`;
}

/** Whether it is a provider of a workload identity pool, and no cluster. */
export function isPoolProvider(identityProvider: string): boolean {
	return identityProvider.startsWith("//iam.googleapis.com/");
}

/** The audience of the pods' tokens; empty when it is not known. */
export function workloadAudience({ workloadPool, identityProvider }: WorkloadPool): string {
	return isPoolProvider(identityProvider) ? identityProvider : workloadPool;
}

/** What an exchange names as its audience. */
export function exchangeAudience({ workloadPool, identityProvider }: WorkloadPool): string {
	return isPoolProvider(identityProvider) ? identityProvider : `identitynamespace:${workloadPool}:${identityProvider}`;
}
