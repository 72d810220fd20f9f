import { randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import { ProviderError } from "../errors.ts";
import type { Pod } from "../plan/mount-request.ts";
import type { KubernetesClient } from "./client.ts";

/** What is told about a pod, as `kubectl describe pod` shows it. */
export interface PodEvent {
	readonly type: "Normal" | "Warning";
	/** In upper camel case; stable, because people search by it. */
	readonly reason: string;
	/** What the provider did about it, in upper camel case. */
	readonly action: string;
	/** What happened and what to do, for the pod's owner; at most 1024 bytes are told. */
	readonly note: string;
	/** What it is about, such as an object: the same reason is told once for each. */
	readonly subject: string;
}

export interface PodEventsOptions {
	readonly client: KubernetesClient;
	readonly nodeName: string;
	readonly log: { warn(fields: object, message: string): void };
	/** Whether one more may be told now. */
	allows(): boolean;
	told(outcome: "done" | "gone" | "refused" | "failed"): void;
}

/** The same thing about the same pod is not told again for this long. */
const silenceMilliseconds = 1_800_000;
const maximumRemembered = 4096;
const longestName = 253;
const longestInstance = 128;
const longestNote = 1024;

/**
 * Tells about pods by Events (events.k8s.io/v1). They are an offer: at most one about the same thing in half an hour,
 * only as many as the rate allows, and none is tried twice.
 */
export class PodEvents {
	readonly #options: PodEventsOptions;
	readonly #told = new LRUCache<string, true>({ max: maximumRemembered, ttl: silenceMilliseconds });
	readonly #underWay = new Set<Promise<void>>();
	readonly #stopping = new AbortController();
	#refusalTold = false;

	constructor(options: PodEventsOptions) {
		this.#options = options;
	}

	/** Returns at once. */
	tell(pod: Pod, event: PodEvent): void {
		const key = JSON.stringify([pod.uid, event.reason, event.subject]);
		if (this.#stopping.signal.aborted || this.#told.has(key) || !this.#options.allows()) return;
		this.#told.set(key, true);
		const sent = this.#send(pod, event).finally(() => this.#underWay.delete(sent));
		this.#underWay.add(sent);
	}

	/** Ends what is under way. */
	async stop(): Promise<void> {
		this.#stopping.abort(new ProviderError("stopped", "The provider is stopping."));
		await Promise.all(this.#underWay);
	}

	async #send(pod: Pod, event: PodEvent): Promise<void> {
		const { client, nodeName, told } = this.#options;
		const path = `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(pod.namespace)}/events`;
		try {
			const { status } = await client.call("POST", path, this.#stopping.signal, eventObject(pod, event, nodeName));
			if (status === 201) told("done");
			else if (status === 404) told("gone");
			else if (status === 401 || status === 403) this.#refused();
			else told("failed");
		} catch {
			// The API server's outages are told by who needs it; an event about a pod is not worth a line for each.
			told("failed");
		}
	}

	#refused(): void {
		this.#options.told("refused");
		if (this.#refusalTold) return;
		this.#refusalTold = true;
		const remedy = "Give the provider's service account create on events of events.k8s.io, or turn --events off.";
		this.#options.log.warn({ event: "events_refused", remedy }, "the API server refuses to take events about pods");
	}
}

function eventObject(pod: Pod, { type, reason, action, note }: PodEvent, nodeName: string): object {
	const suffix = `.${randomBytes(8).toString("hex")}`;
	return {
		apiVersion: "events.k8s.io/v1",
		kind: "Event",
		// A name that is cut must not end in what no name may end in.
		metadata: { name: `${pod.name.slice(0, longestName - suffix.length).replace(/[.-]+$/, "")}${suffix}`, namespace: pod.namespace },
		// MicroTime has six digits.
		eventTime: new Date().toISOString().replace("Z", "000Z"),
		reportingController: "claviger.dev/provider",
		reportingInstance: nodeName.slice(0, longestInstance),
		type,
		reason,
		action,
		note: Buffer.from(note)
			.subarray(0, longestNote)
			.toString("utf8")
			.replace(/\uFFFD$/, ""),
		regarding: { apiVersion: "v1", kind: "Pod", namespace: pod.namespace, name: pod.name, uid: pod.uid },
	};
}
