import { ProviderError } from "./errors.ts";
import type { KubernetesClient } from "./kubernetes/client.ts";
import { type PatchResult, patchPod } from "./kubernetes/pod-patch.ts";
import { watchPods } from "./kubernetes/pods.ts";
import type { Observation } from "./observation.ts";
import type { ServeOptions } from "./options.ts";
import type { Pod } from "./plan/mount-request.ts";
import { Nudger } from "./rotation/nudger.ts";
import { needsApi } from "./verification.ts";

/** Has kubelet look after pods at once. */
export interface Push {
	nudge(pod: Pod): void;
	stop(): Promise<void>;
}

export interface PushParts {
	readonly options: ServeOptions;
	readonly kubernetes: KubernetesClient | undefined;
	readonly observation: Observation;
	/** What is known of pods, and to be forgotten with them. */
	readonly pods: KnownPods;
}

export interface KnownPods {
	/** Whether a pod holds something else than it would get now. */
	isBehind(uid: string): boolean;
	forget(uid: string): void;
	/** Forgets all others, except those heard of after `askedAt`. */
	forgetOthers(uids: ReadonlySet<string>, askedAt: number): void;
}

/** A change that concerns all pods of a full node reaches the last of them after four seconds. */
const ratePerSecond = 20;
const burst = 50;

/**
 * Begins to watch this node's pods, so that those that are gone are forgotten and their leases ended, and to nudge
 * those that hold something old where that is switched on. Undefined where nobody said which node this is.
 *
 * @throws ProviderError `invalid` when push lacks the API server or the node's name
 */
export function startPush({ options, kubernetes, observation, pods }: PushParts): Push | undefined {
	const { push, nodeName } = options;
	const { log } = observation;
	if (kubernetes === undefined || nodeName === undefined) {
		if (push === "off") return undefined;
		throw kubernetes === undefined ? needsApi("--push annotation") : needsNodeName();
	}
	const nudger = new Nudger({
		patch: (pod, signal) => patchObserved(kubernetes, pod, signal, observation),
		isBehind: ({ uid }) => pods.isBehind(uid),
		ratePerSecond,
		burst,
		log,
	});
	const stopping = new AbortController();
	const handlers = {
		onGone: (uid: string) => pods.forget(uid),
		onSynced: (uids: ReadonlySet<string>, askedAt: number) => pods.forgetOthers(uids, askedAt),
		onTrouble: (error: ProviderError) =>
			log.warn({ event: "pods_unwatched", code: error.code, reason: error.text }, "this node's pods cannot be watched"),
	};
	const watching = watchPods(kubernetes, nodeName, handlers, stopping.signal);
	return {
		nudge(pod) {
			if (push === "annotation") nudger.nudge(pod);
		},
		async stop() {
			stopping.abort(new ProviderError("stopped", "The provider is stopping."));
			await Promise.all([nudger.stop(), watching]);
		},
	};
}

async function patchObserved(
	client: KubernetesClient,
	pod: Pod,
	signal: AbortSignal,
	{ metrics, notices }: Observation,
): Promise<PatchResult> {
	try {
		const result = await patchPod(client, pod, signal);
		metrics.pushed(result === "patched" ? "done" : result);
		if (result === "refused") notices.pushRefused(pod);
		return result;
	} catch (reason) {
		if (!signal.aborted) metrics.pushed("failed");
		throw reason;
	}
}

function needsNodeName(): ProviderError {
	return new ProviderError("invalid", "--push annotation needs --node-name.", {
		remedy: "Give the pod its node's name as CLAVIGER_NODE_NAME.",
	});
}
