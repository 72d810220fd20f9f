import { ProviderError } from "../../errors.ts";
import type { Secret } from "../../shared/secret.ts";
import type { Found, Outcome, Ref, Session } from "../../stores/store.ts";
import { Closings } from "./closings.ts";
import type { KeeperContext, LeaseLog, LeaseNews, Replacement } from "./keeper-context.ts";
import { PodLeases } from "./pod-leases.ts";
import type { Connect } from "./pod-login.ts";
import { type Clock, systemClock } from "./schedule.ts";
import { type LeaseSnapshot, type LeaseSource, parseSnapshot } from "./snapshot.ts";

export interface LeaseKeeperOptions {
	/** Default: the process's own. */
	readonly clock?: Clock;
	readonly log: LeaseLog;
	/** The next Mount of a pod answers with something else. */
	onReplaced(replacement: Replacement): void;
	/** There is something new to save; called often. */
	onChanged?(): void;
	/** Hears what becomes of leases. */
	onNews?(news: LeaseNews): void;
	/**
	 * Goes on with a login of an earlier process.
	 * @throws ProviderError `refused` when policy no longer lets the store be asked
	 */
	resume(source: LeaseSource, state: Secret): Promise<Session>;
}

/** One read of one pod. */
export interface LeaseRead {
	readonly podUid: string;
	readonly source: LeaseSource;
	readonly ref: Ref;
	readonly connect: Connect;
	readonly signal: AbortSignal;
}

interface Pod {
	/** When it was first heard of, in milliseconds of the epoch; that of an earlier process lies before any list of this one. */
	readonly since: number;
	readonly byIdentity: Map<string, PodLeases>;
}

/**
 * Keeps alive what stores make for one pod: a credential, a certificate. Each pod has a login of its
 * own, so that ending the login when the pod is gone ends all that was made for it, and nothing else.
 * At a remount the pod gets the same value; it is renewed at two thirds of its life, and replaced when
 * the store does not prolong it by a whole life, or when it cannot be renewed at all.
 */
export class LeaseKeeper {
	readonly #options: LeaseKeeperOptions;
	readonly #context: KeeperContext;
	readonly #closings: Closings;
	readonly #stopped = new AbortController();
	readonly #pods = new Map<string, Pod>();

	constructor(options: LeaseKeeperOptions) {
		this.#options = options;
		this.#context = {
			clock: options.clock ?? systemClock,
			log: options.log,
			stopped: this.#stopped.signal,
			changed: () => options.onChanged?.(),
			replaced: (replacement) => options.onReplaced(replacement),
			heard: (news) => options.onNews?.(news),
			resume: (source, state) => options.resume(source, state),
		};
		this.#closings = new Closings(this.#context);
	}

	/** The value that a pod has, while it lives. */
	get(podUid: string, identityKey: string, ref: Ref): Found | undefined {
		return this.#pods.get(podUid)?.byIdentity.get(identityKey)?.get(ref.key);
	}

	/** A Mount that finds its value alive still brings a fresh token, for when the pod has to log in again. */
	connectWith(podUid: string, identityKey: string, connect: Connect): void {
		this.#pods.get(podUid)?.byIdentity.get(identityKey)?.connectWith(connect);
	}

	/**
	 * The value that the pod has, or a new one made for it alone. An outcome without a lease is not kept.
	 *
	 * @throws ProviderError `unreachable` on an outage, `denied` when the login is refused, `stopped` when the pod is gone
	 */
	read({ podUid, source, ref, connect, signal }: LeaseRead): Promise<Outcome> {
		return this.#leasesOf(podUid, source).read(ref, connect, signal);
	}

	/** How many values are kept alive. */
	get size(): number {
		return this.#all().reduce((sum, { size }) => sum + size, 0);
	}

	/**
	 * Ends everything that was made for a pod that is gone, also what is still under way. Resolves after the
	 * first attempt; while a store cannot be reached it is told again and again.
	 */
	async release(podUid: string): Promise<void> {
		const pod = this.#pods.get(podUid);
		if (pod === undefined) return;
		this.#pods.delete(podUid);
		await Promise.all([...pod.byIdentity.values()].map((leases) => leases.end()));
	}

	/**
	 * Releases the pods that are not there any more, such as those that went while no provider ran.
	 *
	 * @param present all pods of the node as of `askedAt`, in milliseconds of the epoch; a pod first heard of since then stays
	 */
	async releaseOthers(present: ReadonlySet<string>, askedAt: number): Promise<void> {
		const gone = [...this.#pods].filter(([podUid, { since }]) => since < askedAt && !present.has(podUid));
		await Promise.all(gone.map(([podUid]) => this.release(podUid)));
	}

	/** Everything that a later process needs to go on, secrets included: for an encrypted file alone. */
	snapshot(): LeaseSnapshot {
		const pods = this.#all()
			.map((leases) => leases.snapshot())
			.filter((pod) => pod !== undefined);
		return { version: 1, pods, closing: this.#closings.snapshot() };
	}

	/** Goes on with what an earlier process kept. What cannot be resumed is left to its end. */
	async restore(kept: unknown): Promise<void> {
		const snapshot = parseSnapshot(kept);
		if (snapshot === undefined)
			return this.#options.log.warn({ event: "state_unreadable" }, "the kept leases cannot be read: pods get new ones");
		const pods = snapshot.pods.map((pod) =>
			this.#attempt(pod.source, () => this.#leasesOf(pod.podUid, pod.source, Number.NEGATIVE_INFINITY).restore(pod)),
		);
		const closing = snapshot.closing.map((one) => this.#attempt(one.source, () => this.#closings.restore(one)));
		await Promise.all([...pods, ...closing]);
	}

	/** Ends timers and calls under way. Nothing is revoked: pods outlive the provider. */
	async stop(): Promise<void> {
		this.#stopped.abort(new ProviderError("stopped", "The provider is stopping."));
		this.#closings.stop();
		await Promise.all(this.#all().map((leases) => leases.stop()));
	}

	#all(): readonly PodLeases[] {
		return [...this.#pods.values()].flatMap(({ byIdentity }) => [...byIdentity.values()]);
	}

	#leasesOf(podUid: string, source: LeaseSource, since = this.#context.clock.now()): PodLeases {
		const pod = this.#pods.get(podUid) ?? { since, byIdentity: new Map<string, PodLeases>() };
		this.#pods.set(podUid, pod);
		const { key } = source.identity;
		const known = pod.byIdentity.get(key);
		if (known !== undefined) return known;
		const leases = new PodLeases({ context: this.#context, closings: this.#closings, podUid, source });
		pod.byIdentity.set(key, leases);
		return leases;
	}

	async #attempt(source: LeaseSource, resume: () => Promise<void>): Promise<void> {
		try {
			await resume();
		} catch (reason) {
			const { namespace, serviceAccount } = source.identity;
			const fields = {
				event: "login_not_resumed",
				namespace,
				serviceAccount,
				store: source.store.instance.name,
				reason: ProviderError.from(reason).text,
			};
			this.#options.log.warn(fields, "a kept login is not resumed: its leases end by themselves");
		}
	}
}
