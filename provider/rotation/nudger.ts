import type { Pod } from "../plan/mount-request.ts";
import { TokenBucket } from "./token-bucket.ts";

/** Where the nudger reports; fields never hold a secret. */
export interface NudgeLog {
	warn(fields: object, message: string): void;
}

export interface NudgerOptions {
	/** Makes kubelet look after a pod; throws when the API server cannot be had. */
	patch(pod: Pod, signal: AbortSignal): Promise<"patched" | "gone" | "refused">;
	/**
	 * Whether a pod still holds what it was nudged for. The driver leaves a volume alone that changed less
	 * than its rotation interval ago, so a nudge right after another comes to nothing; then this is
	 * true and the pod is patched again. Without it every patch is taken to have worked.
	 */
	isBehind?(pod: Pod): boolean;
	readonly ratePerSecond: number;
	readonly burst: number;
	readonly log: NudgeLog;
	/** Milliseconds of a clock that is never set back. */
	now?(): number;
}

/** Patches under way at once, as many as the API client has connections for. */
const patchesAtOnce = 4;
const firstRetryMilliseconds = 500;
const longestRetryMilliseconds = 15_000;
/** By then kubelet has looked after the pod by itself, which it does every 60 to 90 seconds. */
const usefulMilliseconds = 90_000;
/** When a patched pod is looked at again; twice as long each time, so that the last of all looks comes after 25 s. */
const firstLookMilliseconds = 400;
const repetitions = 6;

/** A pod on its way to its patch. */
interface Errand {
	pod: Pod;
	state: "waiting" | "patching" | "resting";
	/** Nudged while its patch was under way. */
	again: boolean;
	since: number;
	failures: number;
	looks: number;
	timer?: NodeJS.Timeout;
}

/**
 * Makes kubelet look after pods, by way of a patch: one under way per pod, however often the pod is
 * nudged, and all together no more than a rate. It is an offer to be faster: what fails here,
 * kubelet's own pace repairs.
 */
export class Nudger {
	readonly #options: NudgerOptions;
	readonly #now: () => number;
	readonly #bucket: TokenBucket;
	readonly #errands = new Map<string, Errand>();
	readonly #queue = new Set<Errand>();
	readonly #underWay = new Set<Promise<void>>();
	readonly #stopping = new AbortController();
	#refusalTold = false;
	#outageTold = false;
	#timer: NodeJS.Timeout | undefined;

	constructor(options: NudgerOptions) {
		this.#options = options;
		this.#now = options.now === undefined ? () => performance.now() : options.now;
		this.#bucket = new TokenBucket(options.ratePerSecond, options.burst, this.#now);
	}

	/** Asks for a patch of the pod; returns at once. */
	nudge(pod: Pod): void {
		if (this.#stopping.signal.aborted) return;
		const known = this.#errands.get(pod.uid);
		if (known?.state === "patching") {
			known.again = true;
			return;
		}
		if (known !== undefined && known.failures > 0) {
			// It waits for the API server to come back, and now for something younger.
			known.since = this.#now();
			return;
		}
		const errand = known ?? { pod, state: "waiting", again: false, since: 0, failures: 0, looks: 0 };
		errand.since = this.#now();
		errand.looks = 0;
		this.#errands.set(pod.uid, errand);
		this.#enqueue(errand);
	}

	/** Forgets what waits and ends what is under way. */
	async stop(): Promise<void> {
		this.#stopping.abort();
		clearTimeout(this.#timer);
		for (const errand of this.#errands.values()) clearTimeout(errand.timer);
		this.#errands.clear();
		this.#queue.clear();
		await Promise.all(this.#underWay);
	}

	#enqueue(errand: Errand): void {
		clearTimeout(errand.timer);
		errand.state = "waiting";
		this.#queue.add(errand);
		this.#pump();
	}

	#pump(): void {
		for (const errand of this.#queue) {
			if (this.#underWay.size >= patchesAtOnce) return;
			if (!this.#bucket.take()) {
				clearTimeout(this.#timer);
				this.#timer = setTimeout(() => this.#pump(), this.#bucket.wait());
				return;
			}
			this.#queue.delete(errand);
			this.#start(errand);
		}
	}

	#start(errand: Errand): void {
		errand.state = "patching";
		errand.again = false;
		const patch = this.#patch(errand).finally(() => {
			this.#underWay.delete(patch);
			if (!this.#stopping.signal.aborted) this.#pump();
		});
		this.#underWay.add(patch);
	}

	async #patch(errand: Errand): Promise<void> {
		const { signal } = this.#stopping;
		try {
			const result = await this.#options.patch(errand.pod, signal);
			if (signal.aborted) return;
			this.#outageTold = false;
			this.#answered(errand, result);
		} catch (reason) {
			if (!signal.aborted) this.#failed(errand, reason);
		}
	}

	#answered(errand: Errand, result: "patched" | "gone" | "refused"): void {
		errand.failures = 0;
		if (result === "refused") this.#tellRefusal(errand.pod);
		if (result !== "patched") this.#errands.delete(errand.pod.uid);
		else this.#patched(errand);
	}

	#patched(errand: Errand): void {
		this.#refusalTold = false;
		if (errand.again) {
			errand.looks = 0;
			this.#enqueue(errand);
			return;
		}
		if (this.#options.isBehind === undefined || errand.looks >= repetitions) {
			this.#errands.delete(errand.pod.uid);
			return;
		}
		this.#rest(errand, firstLookMilliseconds * 2 ** errand.looks, () => this.#look(errand));
		errand.looks += 1;
	}

	#look(errand: Errand): void {
		if (this.#options.isBehind?.(errand.pod) === true) this.#enqueue(errand);
		else this.#errands.delete(errand.pod.uid);
	}

	#failed(errand: Errand, reason: unknown): void {
		if (!this.#outageTold) this.#tellOutage(reason);
		if (this.#now() - errand.since > usefulMilliseconds && !errand.again) {
			this.#errands.delete(errand.pod.uid);
			return;
		}
		if (errand.again) errand.since = this.#now();
		const ceiling = Math.min(longestRetryMilliseconds, firstRetryMilliseconds * 2 ** errand.failures);
		errand.failures += 1;
		this.#rest(errand, ceiling * (0.5 + Math.random() / 2), () => this.#enqueue(errand));
	}

	#rest(errand: Errand, milliseconds: number, then: () => void): void {
		errand.state = "resting";
		errand.timer = setTimeout(then, milliseconds);
	}

	#tellRefusal(pod: Pod): void {
		if (this.#refusalTold) return;
		this.#refusalTold = true;
		this.#options.log.warn(
			{
				event: "push_refused",
				namespace: pod.namespace,
				pod: pod.name,
				remedy: "Apply manifests/deploy/push: its ClusterRole claviger-push gives patch on pods. Or turn --push off.",
			},
			"the API server refuses to let a pod be nudged; kubelet's own pace goes on",
		);
	}

	#tellOutage(reason: unknown): void {
		this.#outageTold = true;
		const text = reason instanceof Error ? reason.message : "no reason";
		this.#options.log.warn({ event: "push_delayed", reason: text }, "pods cannot be nudged for the time being");
	}
}
