import type { Fields } from "../../plan/fields.ts";
import type { WorkloadPool } from "./pool.ts";

/** Where pool and cluster are found out: nowhere, in the process's environment, or (the cluster alone) by asking the node. */
export const clusterSources = ["written", "environment", "metadata"] as const;

export type ClusterSource = (typeof clusterSources)[number];

export type Environment = Readonly<Record<string, string | undefined>>;

const variables = ["PROJECT", "CLUSTER_LOCATION", "CLUSTER_NAME"] as const;

/** Where a cluster of GKE lies. */
export interface ClusterPlace {
	readonly project: string;
	readonly location: string;
	readonly name: string;
}

/** What today's provider takes from its environment; what is written wins. */
export function clusterOf(environment: Environment, written: WorkloadPool, fields: Fields): WorkloadPool {
	const missing = variables.filter((variable) => !environment[variable]);
	if (missing.length > 0) {
		fields.reject(
			"clusterFrom",
			`is environment, and ${missing.join(", ")} is not there`,
			"Set it for the provider, or write workloadPool and identityProvider.",
		);
		return written;
	}
	const { PROJECT: project = "", CLUSTER_LOCATION: location = "", CLUSTER_NAME: name = "" } = environment;
	return {
		workloadPool: written.workloadPool || `${project}.svc.id.goog`,
		identityProvider: written.identityProvider || clusterUrl({ project, location, name }),
	};
}

/** What Google's token service calls a cluster. */
export function clusterUrl({ project, location, name }: ClusterPlace): string {
	return `https://container.googleapis.com/v1/projects/${project}/locations/${location}/clusters/${name}`;
}
