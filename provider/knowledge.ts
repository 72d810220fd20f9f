import { Broker, type BrokerOptions } from "./broker/broker.ts";
import type { LeaseNews } from "./broker/leases/keeper-context.ts";
import type { Asked } from "./broker/reader.ts";
import type { KeptAnswers } from "./kept-answers.ts";
import type { KubernetesClient } from "./kubernetes/client.ts";
import type { ObjectVersions } from "./object-versions.ts";
import type { Observation } from "./observation.ts";
import type { ServeOptions } from "./options.ts";
import type { Gate } from "./policy/gate.ts";
import { type Push, startPush } from "./push.ts";
import { Rotation } from "./rotation/rotation.ts";
import { retryTotals } from "./shared/retry-budget.ts";
import { openStateFiles, type StateFiles } from "./state-files.ts";
import type { Ref, Store, StoreInstance } from "./stores/store.ts";
import type { StoreLabels, Survey } from "./telemetry/metrics.ts";

export interface KnowledgeParts {
	readonly options: ServeOptions;
	/** The store of a registered type. */
	store(type: string): Promise<Pick<Store, "connect" | "resume">>;
	storeLabels(instance: StoreInstance): StoreLabels;
	readonly kubernetes: KubernetesClient | undefined;
	readonly gate: Gate;
	readonly versionKey: Buffer;
	readonly versions: ObjectVersions;
	readonly observation: Observation;
	/** The region that the node lies in; undefined where nobody can tell. */
	readonly nodeRegion: BrokerOptions["nodeRegion"];
	/** The API server of this cluster; undefined where none is known. */
	readonly cluster: BrokerOptions["cluster"];
	/** What was made of values, to be let go with them. */
	readonly kept: KeptAnswers;
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
	const { options, kubernetes, versionKey, observation } = parts;
	const { log, metrics } = observation;
	const state = openStateFiles(options, versionKey, log);
	let push: Push | undefined;
	const broker: Broker = makeBroker(parts, state, {
		onReplaced: () => rotation.nudgeChanged(),
		onNews: (news) => tellLease(observation, rotation, news),
	});
	const rotation: Rotation = makeRotation(parts, broker, state, () => push);
	const { leases } = broker;
	metrics.surveyWith(() => survey(parts, broker, rotation));
	// Before the first list of this node's pods is asked for, so that the list decides on all that is restored.
	await state.restore({ values: broker, deliveries: rotation, leases });
	push = startPush({
		options,
		kubernetes,
		observation,
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

type LeaseHearers = Pick<BrokerOptions["leases"], "onReplaced" | "onNews">;

function makeBroker(
	{ options, store, observation, gate, kept, nodeRegion, cluster }: KnowledgeParts,
	state: StateFiles,
	leases: LeaseHearers,
): Broker {
	const { metrics, log } = observation;
	return new Broker({
		concurrency: options.fetchConcurrency,
		maximumAgeMilliseconds: options.maximumAgeSeconds * 1000,
		maximumStaleMilliseconds: options.maximumStaleSeconds * 1000,
		maximumBytes: options.cacheBytes,
		events: {
			hit: () => metrics.cacheHit(),
			served: (milliseconds) => metrics.valueServed(milliseconds / 1000),
			miss: () => metrics.cacheMiss(),
			stale: (seconds) => metrics.staleServed(seconds),
			discarded: () => kept.clear(),
		},
		onValuesChanged: () => state.saveSoon("values"),
		leases: { ...leases, log, onChanged: () => state.saveSoon("leases") },
		store,
		addressGuard: (store) => gate.addressGuard(store),
		nodeRegion,
		cluster,
		advised(advice, { name }, { namespace, serviceAccount }) {
			log.warn({ event: "store_advice", store: name, namespace, serviceAccount, reason: advice }, "a store advises to mend something");
		},
	});
}

function makeRotation(
	{ options, versions, observation }: KnowledgeParts,
	broker: Broker,
	state: StateFiles,
	push: () => Push | undefined,
): Rotation {
	const { metrics, log, notices } = observation;
	const rotation: Rotation = new Rotation({
		nudge: (pod) => push()?.nudge(pod),
		broker,
		versionOf: (object, found) => versions.of(object, found),
		pollMilliseconds: options.pollSeconds * 1000,
		breakerMilliseconds: options.revocationHoldSeconds * 1000,
		onDeliveriesChanged: () => state.saveSoon("deliveries"),
		events: {
			changed(pod, object) {
				metrics.changed();
				log.info({ event: "object_changed", namespace: pod.namespace, pod: pod.name, object }, "changed");
			},
			polled: () => metrics.polled("ok"),
			pollFailed({ asked, ref, key }, error) {
				metrics.polled(error.code);
				const age = error.code === "unreachable" ? ageSeconds(broker, asked, ref) : 0;
				notices.unconfirmed(key, asked.store.instance.name, age, () => rotation.holders(key));
				log.debug({ event: "poll_failed", store: asked.store.instance.name, code: error.code, reason: error.text }, "refresh failed");
			},
			watchFailed({ asked }, error) {
				const { namespace, serviceAccount } = asked.admission.identity;
				const fields = { store: asked.store.instance.name, namespace, serviceAccount, code: error.code, reason: error.text };
				log.info({ event: "watch_failed", ...fields }, "changes are seen at the poll interval");
			},
			breakerOpened(census) {
				metrics.breakerOpened();
				notices.heldBack(rotation.withdrawnHolders(), census);
				log.error(
					{ event: "removals_held_back", ...census },
					"most secrets of this node vanished at once: removals are held back; check policies and roles in the store",
				);
			},
		},
	});
	return rotation;
}

/** How long ago a store confirmed what is known of a ref. */
function ageSeconds(broker: Broker, asked: Asked, ref: Ref): number {
	const known = broker.known(asked, ref);
	return known === undefined ? 0 : (performance.now() - known.askedAt) / 1000;
}

function tellLease({ metrics, notices }: Observation, rotation: Rotation, { event, podUid, source }: LeaseNews): void {
	metrics.lease(event);
	notices.lease(event, source.store.instance.name, () => rotation.pod(podUid));
}

function survey({ storeLabels }: KnowledgeParts, broker: Broker, rotation: Rotation): Survey {
	const { ages, ...volumes } = rotation.survey();
	const oldest = new Map<string, { readonly labels: StoreLabels; readonly seconds: number }>();
	for (const { instance, milliseconds } of ages.values()) {
		const labels = storeLabels(instance);
		const seconds = Math.max(oldest.get(labels.store)?.seconds ?? 0, milliseconds / 1000);
		oldest.set(labels.store, { labels, seconds });
	}
	const valueAges = new Map([...oldest.values()].map(({ labels, seconds }) => [labels, seconds] as const));
	return { ...volumes, ...broker.counts, valueAges, retries: retryTotals };
}
