import { LRUCache } from "lru-cache";
import type { LeaseEvent } from "./broker/leases/keeper-context.ts";
import { ProviderError } from "./errors.ts";
import type { KubernetesClient } from "./kubernetes/client.ts";
import { PodEvents } from "./kubernetes/pod-events.ts";
import type { ServeOptions } from "./options.ts";
import type { Pod } from "./plan/mount-request.ts";
import type { Census } from "./rotation/breaker.ts";
import { TokenBucket } from "./rotation/token-bucket.ts";
import type { Logger } from "./telemetry/log.ts";
import type { Metrics } from "./telemetry/metrics.ts";
import { needsApi } from "./verification.ts";

/** Tells owners of pods what befalls their secrets while the pods run, which no failed mount would tell. */
export interface Notices {
	revoked(pod: Pod, object: string): void;
	/** @param pods those that hold something withdrawn */
	heldBack(pods: readonly Pod[], census: Census): void;
	/**
	 * What a pod holds could not be confirmed.
	 * @param key of what is known, told about once in a while
	 * @param pods those that hold it
	 */
	unconfirmed(key: string, store: string, ageSeconds: number, pods: () => readonly Pod[]): void;
	/** A pod was answered with values of this age. */
	stale(pod: Pod, ageSeconds: number): void;
	/** @param pod undefined when it holds nothing any more */
	lease(event: LeaseEvent, store: string, pod: () => Pod | undefined): void;
	pushRefused(pod: Pod): void;
	stop(): Promise<void>;
}

const noNotices: Notices = {
	revoked: () => undefined,
	heldBack: () => undefined,
	unconfirmed: () => undefined,
	stale: () => undefined,
	lease: () => undefined,
	pushRefused: () => undefined,
	stop: async () => undefined,
};

/** An event a second on average, and as many at once as a node's pods may need for one outage. */
const ratePerSecond = 1;
const burst = 25;
/** An outage that is shorter than this concerns nobody whose pod runs. */
const unconfirmedSeconds = 300;
const silenceMilliseconds = 1_800_000;
const maximumKeys = 4096;

export interface NoticesParts {
	readonly options: ServeOptions;
	readonly kubernetes: KubernetesClient | undefined;
	readonly metrics: Metrics;
	readonly log: Logger;
}

/** @throws ProviderError `invalid` when events are wanted and the API server or the node's name is missing */
export function openNotices({ options, kubernetes, metrics, log }: NoticesParts): Notices {
	if (!options.tellsEvents) return noNotices;
	if (kubernetes === undefined) throw needsApi("--events on");
	if (options.nodeName === undefined) {
		throw new ProviderError("invalid", "--events on needs --node-name.", { remedy: "Give the pod its node's name as CLAVIGER_NODE_NAME." });
	}
	const bucket = new TokenBucket(ratePerSecond, burst, () => performance.now());
	const events = new PodEvents({
		client: kubernetes,
		nodeName: options.nodeName,
		log,
		allows: () => bucket.take(),
		told: (outcome) => metrics.eventTold(outcome),
	});
	return new EventNotices(events, options.maximumStaleSeconds);
}

class EventNotices implements Notices {
	readonly #events: PodEvents;
	readonly #maximumStaleSeconds: number;
	readonly #unconfirmed = new LRUCache<string, true>({ max: maximumKeys, ttl: silenceMilliseconds });

	constructor(events: PodEvents, maximumStaleSeconds: number) {
		this.#events = events;
		this.#maximumStaleSeconds = maximumStaleSeconds;
	}

	revoked(pod: Pod, object: string): void {
		this.#events.tell(pod, {
			type: "Warning",
			reason: "SecretRevoked",
			action: "RemoveFile",
			note: `The store has withdrawn the object ${JSON.stringify(object)}, so what is made of it leaves the volume. If that is an error, write the secret again or give the pod's service account its right back.`,
			subject: object,
		});
	}

	heldBack(pods: readonly Pod[], { held, withdrawn }: Census): void {
		for (const pod of pods) {
			this.#events.tell(pod, {
				type: "Warning",
				reason: "RevocationHeldBack",
				action: "KeepFiles",
				note: `${withdrawn} of the ${held} secrets on this node vanished at once, so the pod's files stay for the time being. Check the store's policies and roles: if the secrets are revoked for good, the files go when the hold ends.`,
				subject: "",
			});
		}
	}

	unconfirmed(key: string, store: string, ageSeconds: number, pods: () => readonly Pod[]): void {
		if (ageSeconds < unconfirmedSeconds || this.#unconfirmed.has(key)) return;
		this.#unconfirmed.set(key, true);
		for (const pod of pods()) {
			this.#events.tell(pod, {
				type: "Warning",
				reason: "StoreUnreachable",
				action: "KeepFiles",
				note: `The store ${JSON.stringify(store)} has not confirmed the pod's secrets for ${inWords(ageSeconds)}. The files stay as they are, and changes arrive when the store is back. Check the store and the network between it and this node.`,
				subject: store,
			});
		}
	}

	/** When half of the time is over for which known values may stand in, somebody should know. */
	stale(pod: Pod, ageSeconds: number): void {
		if (ageSeconds < this.#maximumStaleSeconds / 2) return;
		this.#events.tell(pod, {
			type: "Warning",
			reason: "StaleValue",
			action: "ServeKnownValue",
			note: `The pod's volume is answered with values that are ${inWords(ageSeconds)} old, because their store cannot be reached. From ${inWords(this.#maximumStaleSeconds)} on, mounts fail. Bring the store back, or raise --max-stale.`,
			subject: "",
		});
	}

	lease(event: LeaseEvent, store: string, podOf: () => Pod | undefined): void {
		const told = leaseNotes[event];
		const pod = told === undefined ? undefined : podOf();
		if (told === undefined || pod === undefined) return;
		const { type, reason, action, note } = told;
		this.#events.tell(pod, { type, reason, action, note: note(JSON.stringify(store)), subject: store });
	}

	pushRefused(pod: Pod): void {
		this.#events.tell(pod, {
			type: "Warning",
			reason: "PushRefused",
			action: "WaitForKubelet",
			note: "A secret of the pod has changed, and the provider may not have kubelet look after the pod at once; the change arrives at kubelet's own pace. Apply manifests/deploy/push, or turn --push off.",
			subject: "",
		});
	}

	stop(): Promise<void> {
		return this.#events.stop();
	}
}

interface LeaseNote {
	readonly type: "Normal" | "Warning";
	readonly reason: string;
	readonly action: string;
	note(store: string): string;
}

/** What befalls a lease by itself is everyday work, and nobody's business but the provider's. */
const leaseNotes: Readonly<Partial<Record<LeaseEvent, LeaseNote>>> = {
	replaced: {
		type: "Normal",
		reason: "LeaseReplaced",
		action: "ReplaceCredentials",
		note: (store) =>
			`The store ${store} did not prolong the pod's credentials, so the pod gets new ones. A program that read the files at its start must read them again.`,
	},
	failed: {
		type: "Warning",
		reason: "LeaseRenewalFailed",
		action: "TryAgain",
		note: (store) =>
			`The pod's credentials from the store ${store} could not be renewed yet; it is tried until they end. Check the store and the network between it and this node.`,
	},
	ended: {
		type: "Warning",
		reason: "LeaseEnded",
		action: "WaitForMount",
		note: (store) =>
			`The pod's credentials from the store ${store} have ended, and there are no new ones. Check the store, and the right of the pod's service account to them.`,
	},
};

function inWords(seconds: number): string {
	if (seconds < 5400) return `${Math.round(seconds / 60)} minutes`;
	return `${Math.round(seconds / 3600)} hours`;
}
