import { ProviderError } from "../errors.ts";
import type { Admission } from "../plan/admission.ts";
import type { MountPlan, PlannedObject } from "../plan/mount-plan.ts";
import type { Secret } from "../shared/secret.ts";
import type { Found, Outcome, Ref, Session } from "../stores/store.ts";
import type { LeaseKeeper } from "./leases/lease-keeper.ts";
import { LeasedReads, type LeasedReadsOptions } from "./leases/leased-reads.ts";
import { hasLease } from "./leases/leased-refs.ts";
import { type Asked, Reader, type ReaderOptions, valueKey } from "./reader.ts";
import { isLocal, Values } from "./values.ts";
import type { ValuesSnapshot } from "./values-snapshot.ts";

/** A Mount that could be answered with what is known waits this long for the store. */
const patienceMilliseconds = 5_000;

/** The store gave no outcome: an outage, or a ref it cannot make sense of. */
export interface Failure {
	readonly kind: "failed";
	readonly error: ProviderError;
}

/** What became of one object. */
export interface Answer {
	readonly outcome: Outcome | Failure;
	/** How old the value is that stands in for a store that cannot be reached; absent otherwise. */
	readonly staleSeconds?: number;
}

/** What to fetch, as whom. */
export interface FetchRequest {
	readonly plan: MountPlan;
	/** One per store of the plan, in its order. */
	readonly admissions: readonly Admission[];
	readonly credentials: ReadonlyMap<string, Secret>;
	/** Whose Mount it is: what has a lease is made for one pod. */
	readonly podUid: string;
	readonly signal: AbortSignal;
}

/** Hears what the broker does; for metrics. */
export interface BrokerEvents {
	/** A Mount's object was answered from what is known. */
	hit(): void;
	/** How old the known value was, in milliseconds; not for what is kept alive by renewal. */
	served(ageMilliseconds: number): void;
	/** A Mount's object had to be asked for. */
	miss(): void;
	/** A known value stood in for a store that cannot be reached. */
	stale(seconds: number): void;
	/** A value is about to be overwritten, so what was made of it must be forgotten. */
	discarded?(): void;
}

export interface BrokerOptions extends ReaderOptions {
	/** How old a known value may be when a Mount is answered with it; 0 asks the store each time. */
	readonly maximumAgeMilliseconds: number;
	/** How old a known value may be when it stands in for a store that cannot be reached; 0 never lets it. */
	readonly maximumStaleMilliseconds: number;
	/** How many bytes of values are kept. */
	readonly maximumBytes: number;
	readonly events?: BrokerEvents;
	/** Hears that there are other values to save, or the same ones confirmed; called often. */
	onValuesChanged?(): void;
	readonly leases: Pick<LeasedReadsOptions, "log" | "onReplaced" | "onChanged" | "onNews">;
}

/** How much the broker keeps. */
export interface BrokerCounts {
	readonly sessions: number;
	readonly values: number;
	readonly valueBytes: number;
	readonly leases: number;
}

const neverAsked: Answer = { outcome: { kind: "failed", error: new ProviderError("internal", "The object was never asked for.") } };

/** How often values that were evicted under a Mount's hands are fetched again. */
const patientTurns = 5;
const tooSmall: Answer = {
	outcome: {
		kind: "failed",
		error: new ProviderError("internal", "The values of one Mount do not stay in memory together.", { remedy: "Raise --cache-bytes." }),
	},
};

/**
 * Stands between Mounts and stores. What is known and young enough is the answer; else the store
 * is asked; and where the store cannot be reached, the last known good value of the same identity
 * stands in, up to an age.
 */
export class Broker {
	readonly #options: BrokerOptions;
	readonly #values: Values;
	readonly #reader: Reader;
	readonly #now: () => number;
	readonly #leases: LeasedReads;

	constructor(options: BrokerOptions) {
		this.#options = options;
		this.#now = options.now ?? (() => performance.now());
		this.#values = new Values(options.maximumBytes, this.#now, {
			changed: () => options.onValuesChanged?.(),
			discarded: () => options.events?.discarded?.(),
			served: (age) => options.events?.served(age),
		});
		this.#reader = new Reader(options, this.#values);
		this.#leases = new LeasedReads({
			...options.leases,
			values: this.#values,
			now: this.#now,
			connect: (asked, signal) => this.#reader.connect(asked, signal),
			resume: (source, state) => this.#reader.resume(source, state),
		});
	}

	/** What stores made for single pods; to be released when a pod is gone, and kept over a restart. */
	get leases(): LeaseKeeper {
		return this.#leases.keeper;
	}

	get counts(): BrokerCounts {
		const { count, bytes } = this.#values;
		return { sessions: this.#reader.sessions, values: count, valueBytes: bytes, leases: this.leases.size };
	}

	/** The last known good values, secrets included: for an encrypted file alone. */
	snapshot(): ValuesSnapshot {
		return this.#values.snapshot();
	}

	/**
	 * Takes in the values of an earlier process, to stand in for stores that cannot be reached.
	 *
	 * @returns false when this is no snapshot of values
	 */
	restore(kept: unknown): boolean {
		return this.#values.restore(kept, this.#options.maximumStaleMilliseconds);
	}

	/**
	 * The values of all objects in the order of the plan, where all are known and young enough to be the answer; undefined
	 * otherwise. Every remount of an unchanged volume comes this way.
	 */
	freshValues(request: Omit<FetchRequest, "signal">): readonly Found[] | undefined {
		const values: Found[] = [];
		for (const object of request.plan.objects) {
			const asked = askedOf(request, object);
			const fresh = asked === undefined ? undefined : this.#fresh(asked, object.ref);
			if (fresh?.kind !== "found" || this.#values.isWiped(fresh)) return undefined;
			values.push(fresh);
		}
		for (const _ of values) this.#options.events?.hit();
		return values;
	}

	/** What becomes of every object of the plan, by object name. Never throws for a single object. */
	async fetch(request: FetchRequest): Promise<ReadonlyMap<string, Answer>> {
		const { objects } = request.plan;
		const answers = await Promise.all(objects.map((object) => this.#answer(request, object)));
		for (let turn = 0; answers.some((answer) => this.#values.isWiped(answer.outcome)); turn += 1) {
			// While a slow object was waited for, the value of a quick one was evicted.
			if (turn === patientTurns) return new Map(objects.map((object) => [object.name, tooSmall]));
			for (const [index, object] of objects.entries()) {
				if (this.#values.isWiped(answers[index]?.outcome)) answers[index] = await this.#answer(request, object);
			}
		}
		return new Map(objects.map((object, index) => [object.name, answers[index] ?? neverAsked]));
	}

	/**
	 * Asks the store whatever is known, and keeps what it says.
	 *
	 * @throws ProviderError `unreachable` on an outage, `denied` when the login is refused
	 */
	async refresh(asked: Asked, ref: Ref, signal: AbortSignal): Promise<Outcome> {
		const { instance } = asked.store;
		if (this.#leases.concerns(instance, ref)) return this.#leases.read(asked, ref, signal);
		const outcome = await this.#reader.read(asked, ref, signal);
		if (!hasLease(outcome)) return outcome;
		// Nobody knew. What was read in common ends by itself, and each who waited for it gets its own.
		this.#leases.learn(instance, ref);
		return this.#leases.read(asked, ref, signal);
	}

	/** The key of what is known of a ref: the identity's, or the pod's where each pod must read for itself. */
	keyOf(asked: Asked, ref: Ref): string {
		return this.#leases.concerns(asked.store.instance, ref) ? this.#leases.keyOf(asked, ref) : valueKey(asked.admission.identity.key, ref);
	}

	/** What is known of a ref, and when it was asked for by the broker's clock. What is kept alive by renewal is always fresh. */
	known(asked: Asked, ref: Ref): { readonly outcome: Outcome; readonly askedAt: number } | undefined {
		const held = this.#leases.held(asked, ref);
		return held === undefined ? this.#values.peek(this.keyOf(asked, ref)) : { outcome: held, askedAt: this.#now() };
	}

	/** The login that stands for an identity now, if there is one. */
	session(identityKey: string): Session | undefined {
		return this.#reader.session(identityKey);
	}

	/** The last value of a ref that the store has withdrawn since, while it is remembered. */
	withdrawn(asked: Asked, ref: Ref): Found | undefined {
		return this.#values.withdrawn(this.keyOf(asked, ref));
	}

	async #answer(request: FetchRequest, object: PlannedObject): Promise<Answer> {
		const asked = askedOf(request, object);
		if (asked === undefined) return neverAsked;
		const fresh = this.#fresh(asked, object.ref);
		if (fresh !== undefined) {
			this.#options.events?.hit();
			return { outcome: fresh };
		}
		this.#options.events?.miss();
		return this.#ask(asked, object.ref, request.signal);
	}

	#fresh(asked: Asked, ref: Ref): Outcome | undefined {
		// A store inside this process answers as fast as memory does, and always with what is true now.
		const maximumAge = isLocal(asked.store.instance) ? 0 : this.#options.maximumAgeMilliseconds;
		return this.#leases.heldForMount(asked, ref) ?? this.#values.fresh(this.keyOf(asked, ref), maximumAge);
	}

	async #ask(asked: Asked, ref: Ref, signal: AbortSignal): Promise<Answer> {
		const key = this.keyOf(asked, ref);
		const impatience = this.#lastKnownGood(key) === undefined ? undefined : beginImpatience();
		const impatient = impatience === undefined ? signal : AbortSignal.any([signal, impatience.signal]);
		try {
			return { outcome: await this.refresh(asked, ref, impatient) };
		} catch (reason) {
			const error = ProviderError.from(reason);
			// A login refused to the pod's own token is the store's word on everything that it gave this identity.
			if (error.code === "denied") this.#values.keep(key, { outcome: { kind: "denied", error }, askedAt: this.#now() });
			// Only an outage: a denial takes the value away, and a caller that is gone needs none.
			const known = error.code === "unreachable" && !signal.aborted ? this.#lastKnownGood(key) : undefined;
			if (known === undefined) return { outcome: { kind: "failed", error } };
			const staleSeconds = (this.#now() - known.askedAt) / 1000;
			this.#options.events?.stale(staleSeconds);
			return { outcome: known.outcome, staleSeconds };
		} finally {
			impatience?.end();
		}
	}

	#lastKnownGood(key: string): { readonly outcome: Found; readonly askedAt: number } | undefined {
		const known = this.#values.peek(key);
		if (known?.outcome.kind !== "found" || this.#values.isWiped(known.outcome)) return undefined;
		const age = this.#now() - known.askedAt;
		return age < this.#options.maximumStaleMilliseconds ? { outcome: known.outcome, askedAt: known.askedAt } : undefined;
	}
}

/** What asking for one object takes; undefined when the plan has no such store. */
export function askedOf({ plan, admissions, credentials, podUid }: Omit<FetchRequest, "signal">, object: PlannedObject): Asked | undefined {
	const store = plan.stores[object.store];
	const admission = admissions[object.store];
	return store === undefined || admission === undefined ? undefined : { store, admission, credentials, podUid };
}

/** Ended with the call: thousands of timers of seconds would keep the memory of all that was long answered. */
function beginImpatience(): { readonly signal: AbortSignal; end(): void } {
	const controller = new AbortController();
	const abort = () =>
		controller.abort(new ProviderError("unreachable", `The store did not answer within ${patienceMilliseconds / 1000} s.`));
	const timer = setTimeout(abort, patienceMilliseconds).unref();
	return { signal: controller.signal, end: () => clearTimeout(timer) };
}
