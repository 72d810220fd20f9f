import type { ServeOptions } from "./options.ts";
import { emptyPolicy, type Policy, readPolicyFile } from "./policy/policy-file.ts";

/**
 * The policy that the options name, or the one that opens nothing.
 *
 * @throws ProviderError `invalid` with every fault of the file
 */
export function readPolicy({ policyFile, kubernetesApi }: Pick<ServeOptions, "policyFile" | "kubernetesApi">): Policy {
	const clusterAddresses = kubernetesApi === undefined ? [] : [new URL(kubernetesApi).hostname.replace(/^\[|\]$/g, "")];
	return policyFile === undefined ? emptyPolicy(clusterAddresses) : readPolicyFile(policyFile, clusterAddresses);
}
