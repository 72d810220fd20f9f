import type { KubernetesClient } from "./kubernetes/client.ts";
import { NodeRegion } from "./kubernetes/node-region.ts";
import { PodAnnotations } from "./kubernetes/pod-annotations.ts";
import { ServiceAccounts } from "./kubernetes/service-accounts.ts";
import type { ServeOptions } from "./options.ts";
import type { AnnotationSource, PodAnnotationSource } from "./policy/annotation-source.ts";
import type { StoreContext } from "./stores/store.ts";

/** Where the roles that service accounts name are read; undefined outside a cluster. */
export function serviceAccounts(kubernetes: KubernetesClient | undefined): AnnotationSource | undefined {
	return kubernetes === undefined ? undefined : new ServiceAccounts(kubernetes);
}

/** How stores reach the API server of this cluster; undefined outside a cluster. */
export function clusterAccess({
	kubernetesApi,
	kubernetesCaFile,
}: Pick<ServeOptions, "kubernetesApi" | "kubernetesCaFile">): StoreContext["cluster"] {
	return kubernetesApi === undefined ? undefined : { address: kubernetesApi, caFile: kubernetesCaFile };
}

/** Where the annotations of pods are read; undefined outside a cluster. */
export function podAnnotations(kubernetes: KubernetesClient | undefined): PodAnnotationSource | undefined {
	return kubernetes === undefined ? undefined : new PodAnnotations(kubernetes);
}

/** Tells the region of the cloud that the node lies in; undefined where the node or the cluster is not known. */
export function nodeRegion(
	{ nodeName }: Pick<ServeOptions, "nodeName">,
	kubernetes: KubernetesClient | undefined,
): StoreContext["nodeRegion"] {
	if (kubernetes === undefined || nodeName === undefined) return undefined;
	const region = new NodeRegion(kubernetes, nodeName);
	return (signal) => region.find(signal);
}
