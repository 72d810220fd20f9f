import { ProviderError } from "./errors.ts";
import type { KubernetesClient } from "./kubernetes/client.ts";
import { removeStartupTaint, type StartupTaint } from "./kubernetes/startup-taint.ts";
import type { ServeOptions } from "./options.ts";
import type { Logger } from "./telemetry/log.ts";
import { needsApi } from "./verification.ts";

/** Opens the node to pods, in the background. */
export interface TaintRemoval {
	/** The provider serves: the taint may go. */
	begin(): void;
	stop(): Promise<void>;
}

/**
 * Undefined where no taint is named.
 *
 * @throws ProviderError `invalid` when the API server or the node's name is missing
 */
export function prepareTaintRemoval(
	{ startupTaint: key, nodeName: node }: ServeOptions,
	kubernetes: KubernetesClient | undefined,
	log: Logger,
): TaintRemoval | undefined {
	if (key === undefined) return undefined;
	if (kubernetes === undefined) throw needsApi("--startup-taint");
	if (node === undefined)
		throw new ProviderError("invalid", "--startup-taint needs --node-name.", {
			remedy: "Give the pod its node's name as CLAVIGER_NODE_NAME.",
		});
	const stopping = new AbortController();
	let removal: Promise<void> | undefined;
	return {
		begin() {
			removal = remove(kubernetes, { node, key }, log, stopping.signal);
		},
		async stop() {
			stopping.abort(new ProviderError("stopped", "The provider is stopping."));
			await removal;
		},
	};
}

async function remove(kubernetes: KubernetesClient, taint: StartupTaint, log: Logger, signal: AbortSignal): Promise<void> {
	const onTrouble = (error: ProviderError) =>
		log.warn({ event: "taint_kept", taint: taint.key, code: error.code, reason: error.text }, "the startup taint is still on the node");
	const result = await removeStartupTaint(kubernetes, taint, onTrouble, signal);
	if (result === "removed")
		log.info({ event: "taint_removed", taint: taint.key, node: taint.node }, "removed the startup taint: the node takes pods");
}
