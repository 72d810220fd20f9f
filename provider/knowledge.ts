import { Broker } from "./broker/broker.ts";
import type { KeptAnswers } from "./kept-answers.ts";
import type { KubernetesClient } from "./kubernetes/client.ts";
import type { ObjectVersions } from "./object-versions.ts";
import type { ServeOptions } from "./options.ts";
import type { Gate } from "./policy/gate.ts";
import { type Push, startPush } from "./push.ts";
import { Rotation } from "./rotation/rotation.ts";
import { openStateFiles, type StateFiles } from "./state-files.ts";
import type { StoreRegistry } from "./store-registry.ts";
import type { Logger } from "./telemetry/log.ts";
import type { Metrics } from "./telemetry/metrics.ts";

export interface KnowledgeParts {
	readonly options: ServeOptions;
	readonly registry: StoreRegistry;
	readonly kubernetes: KubernetesClient | undefined;
	readonly gate: Gate;
	readonly versionKey: Buffer;
	readonly versions: ObjectVersions;
	readonly metrics: Metrics;
	/** What was made of values, to be let go with them. */
	readonly kept: KeptAnswers;
	readonly log: Logger;
}

/** What the provider knows of values, leases and pods. */
export interface Knowledge {
	readonly broker: Broker;
	readonly rotation: Rotation;
	/** Ends timers and calls under way, and saves what is to outlive the process. */
	stop(): Promise<void>;
}

/**
 * Wires broker, rotation and push, and takes up what an earlier process knew.
 *
 * @throws ProviderError `invalid` when flags lack each other
 */
export async function openKnowledge(parts: KnowledgeParts): Promise<Knowledge> {
	const { options, kubernetes, versionKey, log } = parts;
	const state = openStateFiles(options, versionKey, log);
	let push: Push | undefined;
	const broker: Broker = makeBroker(parts, state, () => rotation.nudgeChanged());
	const rotation: Rotation = makeRotation(parts, broker, state, () => push);
	const { leases } = broker;
	// Before the first list of this node's pods is asked for, so that the list decides on all that is restored.
	await state.restore({ values: broker, deliveries: rotation, leases });
	push = startPush({
		options,
		kubernetes,
		log,
		pods: {
			isBehind: (uid) => rotation.isBehind(uid),
			forget(uid) {
				rotation.forget(uid);
				void leases.release(uid);
			},
			forgetOthers(uids, askedAt) {
				rotation.forgetOthers(uids, askedAt);
				void leases.releaseOthers(uids, Date.now() - (performance.now() - askedAt));
			},
		},
	});
	return {
		broker,
		rotation,
		async stop() {
			rotation.stop();
			await push?.stop();
			await leases.stop();
			await state.flush();
		},
	};
}

function makeBroker({ options, registry, metrics, gate, kept, log }: KnowledgeParts, state: StateFiles, onReplaced: () => void): Broker {
	return new Broker({
		concurrency: options.fetchConcurrency,
		maximumAgeMilliseconds: options.maximumAgeSeconds * 1000,
		maximumStaleMilliseconds: options.maximumStaleSeconds * 1000,
		maximumBytes: options.cacheBytes,
		events: {
			hit: () => metrics.cacheHit(),
			miss: () => metrics.cacheMiss(),
			stale: (seconds) => metrics.staleServed(seconds),
			discarded: () => kept.clear(),
		},
		onValuesChanged: () => state.saveSoon("values"),
		leases: { log, onReplaced, onChanged: () => state.saveSoon("leases") },
		store: (type) => registry.store(type),
		addressGuard: (store) => gate.addressGuard(store),
	});
}

function makeRotation(
	{ options, versions, metrics, log }: KnowledgeParts,
	broker: Broker,
	state: StateFiles,
	push: () => Push | undefined,
): Rotation {
	return new Rotation({
		nudge: (pod) => push()?.nudge(pod),
		broker,
		versionOf: (object, found) => versions.of(object, found),
		pollMilliseconds: options.pollSeconds * 1000,
		breakerMilliseconds: options.revocationHoldSeconds * 1000,
		onDeliveriesChanged: () => state.saveSoon("deliveries"),
		events: {
			changed(pod, object) {
				metrics.changed();
				log.info({ namespace: pod.namespace, pod: pod.name, object }, "changed");
			},
			pollFailed({ asked }, error) {
				metrics.pollFailed();
				log.debug({ store: asked.store.instance.name, code: error.code, reason: error.text }, "refresh failed");
			},
			breakerOpened(census) {
				metrics.breakerOpened();
				log.error(
					{ ...census },
					"most secrets of this node vanished at once: removals are held back; check policies and roles in the store",
				);
			},
		},
	});
}
