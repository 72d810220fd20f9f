import { ProviderError } from "../../errors.ts";
import type { LoginParts } from "./login-parts.ts";
import { askMetadata } from "./metadata.ts";

const attributes = ["project/project-id", "instance/attributes/cluster-location", "instance/attributes/cluster-name"] as const;

/**
 * The cluster that this node belongs to, as Google's token service calls it. The node is asked once in a process.
 *
 * @throws ProviderError `unreachable` without an answer, `invalid` for a node of no cluster
 */
export async function askCluster(parts: LoginParts): Promise<string> {
	const { servers } = parts;
	if (servers.cluster !== undefined) return servers.cluster;
	const [project, location, name] = await Promise.all(attributes.map((path) => askAttribute(parts, path)));
	if (project === undefined || location === undefined || name === undefined) {
		throw new ProviderError("invalid", "The node's metadata server does not say which cluster the node belongs to.", {
			stage: "login",
			remedy: "Write the cluster as identityProvider instead of clusterFrom: metadata.",
		});
	}
	return servers.learnCluster({ project, location, name });
}

async function askAttribute(parts: LoginParts, path: string): Promise<string | undefined> {
	const { status, body } = await askMetadata(parts, path);
	const text = body.toString("utf8").trim();
	return status === 200 && /^[a-z0-9][a-z0-9.:-]{0,99}$/.test(text) ? text : undefined;
}
