import { type AwsServer, endpointOf } from "../../aws/endpoints.ts";
import { parseAddress } from "../../net/address.ts";
import { diagnosePath } from "../../net/path-diagnosis.ts";
import { type Finding, failed, unchecked } from "../../shared/finding.ts";
import type { DiagnosisContext } from "../module.ts";
import { type AwsInstance, agentEndpoints } from "./instance.ts";

/** A server with what it is for. */
interface Way {
	readonly url: string;
	readonly server: AwsServer;
}

/** Without these nobody gets anything; the others are needed by those who have objects there. */
const indispensable: readonly AwsServer[] = ["sts", "agent"];

/**
 * The way to every server that a session may ask, stage by stage, with the clock. More cannot be found out without a
 * pod's token: AWS tells nobody its state.
 */
export async function diagnose(instance: AwsInstance, context: DiagnosisContext): Promise<readonly Finding[]> {
	const found = await Promise.all(ways(instance).map((way) => walk(way, context)));
	if (instance.region !== "") return found.flat();
	const look = "See: kubectl get node --label-columns topology.kubernetes.io/region";
	return [unchecked("region", "No region is named, so it is the node's, which is found out at the first login.", look), ...found.flat()];
}

function ways(instance: AwsInstance): readonly Way[] {
	const { identity, serviceEndpoints: written } = instance;
	const services = identity === "web" ? (["sts", "secretsmanager", "ssm", "kms"] as const) : (["secretsmanager", "ssm", "kms"] as const);
	const regions = [instance.region, instance.failoverRegion].filter((region) => region !== undefined);
	const found = regions.flatMap((region) => services.map((server) => ({ server, url: endpointOf(instance, server, region) })));
	const agent = identity === "pod" ? (written.agent ?? agentEndpoints(instance)[0]) : undefined;
	const all: readonly Way[] = agent === undefined ? found : [{ server: "agent", url: agent }, ...found];
	const known = all.filter(({ url }) => !url.includes("*"));
	return [...new Map(known.map((way) => [way.url, way])).values()];
}

async function walk({ url, server }: Way, { signal, allowsAddress }: DiagnosisContext): Promise<readonly Finding[]> {
	const address = parseAddress(url);
	if ("problem" in address) return [failed("address", `${url} ${address.problem}.`, address.remedy)];
	const { findings } = await diagnosePath({ address, path: `${address.basePath}/`, signal, allowsAddress });
	if (indispensable.includes(server)) return findings;
	return findings.map((finding) => (finding.status === "failed" ? { ...finding, status: "warning" } : finding));
}
