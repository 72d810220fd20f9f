import { setTimeout as sleep } from "node:timers/promises";
import { ProviderError } from "../errors.ts";
import type { KubernetesClient } from "./client.ts";

const firstPauseMilliseconds = 250;
const longestPauseMilliseconds = 30_000;

export interface StartupTaint {
	/** Of the node that this runs on. */
	readonly node: string;
	/** The taint's key, such as `claviger.dev/not-ready`; its value and effect are left to whoever set it. */
	readonly key: string;
}

/**
 * Removes a taint from the node, so that pods come to it from now on. Tried until it is done: a node that
 * keeps its taint is lost to the cluster.
 *
 * @param onTrouble hears of the first failure and of none after it
 * @returns whether there was a taint to remove; also when the signal ends it early
 */
export async function removeStartupTaint(
	client: Pick<KubernetesClient, "call">,
	taint: StartupTaint,
	onTrouble: (error: ProviderError) => void,
	signal: AbortSignal,
): Promise<"removed" | "absent" | "stopped"> {
	let told = false;
	for (let tries = 0; !signal.aborted; tries += 1) {
		try {
			const result = await removeOnce(client, taint, signal);
			if (result !== "changed") return result;
		} catch (reason) {
			if (signal.aborted) break;
			if (!told) onTrouble(ProviderError.from(reason));
			told = true;
		}
		const ceiling = Math.min(longestPauseMilliseconds, firstPauseMilliseconds * 2 ** Math.min(tries, 10));
		await sleep(ceiling * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => {});
	}
	return "stopped";
}

/**
 * A merge patch replaces the list of taints as a whole, and others write it too: the node's version goes with the
 * patch, so that the API server refuses one that is made from an old list.
 */
async function removeOnce(
	client: Pick<KubernetesClient, "call">,
	{ node, key }: StartupTaint,
	signal: AbortSignal,
): Promise<"removed" | "absent" | "changed"> {
	const path = `/api/v1/nodes/${encodeURIComponent(node)}`;
	const read = await client.call("GET", path, signal);
	if (read.status !== 200) throw refusal("get", node, read.status);
	const { taints, resourceVersion } = readTaints(read.body);
	const others = taints.filter((taint) => keyOf(taint) !== key);
	if (others.length === taints.length) return "absent";
	const patch = { metadata: { resourceVersion }, spec: { taints: others.length === 0 ? null : others } };
	const { status } = await client.call("PATCH", `${path}?fieldManager=claviger`, signal, patch);
	if (status === 200) return "removed";
	if (status === 409) return "changed";
	throw refusal("patch", node, status);
}

function readTaints(body: unknown): { readonly taints: readonly unknown[]; readonly resourceVersion: unknown } {
	const { metadata, spec } = (body ?? {}) as { metadata?: { resourceVersion?: unknown }; spec?: { taints?: unknown } };
	const taints: unknown = spec?.taints;
	return { taints: Array.isArray(taints) ? taints : [], resourceVersion: metadata?.resourceVersion };
}

function keyOf(taint: unknown): unknown {
	return typeof taint === "object" && taint !== null && "key" in taint ? taint.key : undefined;
}

function refusal(verb: "get" | "patch", node: string, status: number): ProviderError {
	const denied = status === 401 || status === 403;
	return new ProviderError(denied ? "denied" : "unreachable", `The API server answered ${status} to ${verb} of node ${node}.`, {
		remedy: denied
			? "Install the chart with startupTaint.enabled=true and this taint's key: the provider's account needs get and patch on nodes."
			: "It is tried again; check the API server and --node-name.",
	});
}
