import pLimit from "p-limit";
import type { Broker } from "../broker/broker.ts";
import { ProviderError } from "../errors.ts";
import type { Wanted } from "./wanted.ts";

export interface PollerOptions {
	readonly broker: Broker;
	/** The refs to keep fresh, now. */
	wanted(): readonly Wanted[];
	/** Hears in each round what is kept fresh. */
	looked(wanted: readonly Wanted[]): void;
	/** Hears after each round in which something was asked. */
	refreshed(): void;
	/** Hears of a ref that was asked for. */
	polled?(wanted: Wanted): void;
	/** Hears of a ref that could not be asked for. */
	failed(wanted: Wanted, error: ProviderError): void;
	readonly now?: () => number;
	readonly random?: () => number;
}

/** Refs are asked for between these parts of their time, spread by chance, so that they do not come in herds. */
const earliest = 0.75;
const latest = 0.95;
const shortestRetryMilliseconds = 500;
/** Refreshes under way at once to one store instance. */
const refreshesUnderWay = 8;

interface Schedule {
	/** The part of the time after which this ref is due. */
	readonly part: number;
	/** Not before this, after an outage. */
	notBefore: number;
	failures: number;
	/** The store says that it may have changed. */
	hurried: boolean;
}

/**
 * Keeps what volumes hold fresh: asks for each ref before its value is too old to answer Mounts with, so
 * that Mounts are answered from what is known and changes are seen. A store that hangs holds up its own refs only.
 */
export class Poller {
	readonly #options: PollerOptions;
	readonly #now: () => number;
	readonly #random: () => number;
	readonly #schedules = new Map<string, Schedule>();
	readonly #busy = new Set<string>();
	readonly #controller = new AbortController();
	#timer: NodeJS.Timeout | undefined;
	#hurrying = false;

	constructor(options: PollerOptions) {
		this.#options = options;
		this.#now = options.now ?? (() => performance.now());
		this.#random = options.random ?? Math.random;
	}

	start(tickMilliseconds: number): void {
		this.#timer = setInterval(() => void this.tick(), tickMilliseconds);
	}

	stop(): void {
		clearInterval(this.#timer);
		this.#controller.abort(new ProviderError("stopped", "The provider is stopping."));
	}

	/** One round: whatever is due is asked for, store by store. */
	async tick(): Promise<void> {
		if (this.#controller.signal.aborted) return;
		const wanted = this.#options.wanted();
		this.#forgetOthers(wanted);
		this.#options.looked(wanted);
		const byInstance = Map.groupBy(wanted, ({ asked }) => asked.store.instance.key);
		await Promise.all([...byInstance].map(([instance, refs]) => this.#round(instance, refs)));
	}

	async #round(instance: string, wanted: readonly Wanted[]): Promise<void> {
		if (this.#busy.has(instance)) return;
		const due = this.#withCompanions(
			wanted.filter((ref) => this.#isDue(ref)),
			wanted,
		);
		if (due.length === 0) return;
		this.#busy.add(instance);
		for (const { key } of due) this.#schedule(key).hurried = false;
		try {
			const withdrawn = await this.#refreshAll(due);
			// Where one secret is withdrawn, others may be too, and it matters at once whether most are.
			if (withdrawn) await this.#refreshAll(wanted.filter((ref) => !due.includes(ref)));
		} finally {
			this.#busy.delete(instance);
		}
		this.#options.refreshed();
		// What a store told of while the round went on need not wait for the next one's time.
		if (wanted.some((ref) => this.#schedule(ref.key).hurried && this.#mayBeAsked(ref))) setImmediate(() => void this.tick());
	}

	/** @returns whether the store has withdrawn any of them since it was last asked */
	async #refreshAll(refs: readonly Wanted[]): Promise<boolean> {
		// A few at a time: Mounts come first in the line of a store.
		const limit = pLimit(refs.reduce((most, ref) => Math.max(most, this.#batchSize(ref)), refreshesUnderWay));
		const withdrawn = await limit.map(refs, (ref) => this.#refresh(ref));
		return withdrawn.includes(true);
	}

	async #refresh(wanted: Wanted): Promise<boolean> {
		const { broker } = this.#options;
		const schedule = this.#schedule(wanted.key);
		const before = broker.known(wanted.asked, wanted.ref)?.outcome.kind;
		try {
			const outcome = await broker.refresh(wanted.asked, wanted.ref, this.#controller.signal);
			this.#options.polled?.(wanted);
			schedule.failures = 0;
			return before === "found" && outcome.kind !== "found";
		} catch (reason) {
			schedule.failures += 1;
			const backoff = Math.min(wanted.refreshMilliseconds, shortestRetryMilliseconds * 2 ** schedule.failures);
			schedule.notBefore = this.#now() + backoff * (0.5 + this.#random() / 2);
			if (!this.#controller.signal.aborted) this.#options.failed(wanted, ProviderError.from(reason));
			return false;
		}
	}

	/** Asks for a ref without waiting for its time; several within one turn of the event loop go together. */
	hurry(key: string): void {
		this.#schedule(key).hurried = true;
		if (this.#hurrying || this.#controller.signal.aborted) return;
		this.#hurrying = true;
		setImmediate(() => {
			this.#hurrying = false;
			void this.tick();
		});
	}

	#isDue(wanted: Wanted): boolean {
		const { part, hurried } = this.#schedule(wanted.key);
		return this.#mayBeAsked(wanted) && (hurried || this.#isOlder(wanted, part));
	}

	#mayBeAsked({ key, asked }: Wanted): boolean {
		return this.#now() >= this.#schedule(key).notBefore && asked.admission.tokenExpiresAt * 1000 >= Date.now();
	}

	#isOlder({ asked, ref, refreshMilliseconds }: Wanted, part: number): boolean {
		const known = this.#options.broker.known(asked, ref);
		return known === undefined || this.#now() - known.askedAt >= refreshMilliseconds * part;
	}

	/** Where a store answers for many refs at once, those of the same identity that are nearly due go along with one that is. */
	#withCompanions(due: readonly Wanted[], wanted: readonly Wanted[]): readonly Wanted[] {
		const leading = new Set(due);
		const identities = new Set(due.filter((ref) => this.#batchSize(ref) > 1).map(({ asked }) => asked.admission.identity.key));
		if (identities.size === 0) return due;
		const others = wanted.filter((ref) => identities.has(ref.asked.admission.identity.key) && !leading.has(ref));
		return [...due, ...others.filter((ref) => this.#mayBeAsked(ref) && this.#isOlder(ref, earliest))];
	}

	#batchSize({ asked }: Wanted): number {
		return this.#options.broker.session(asked.admission.identity.key)?.batchSize ?? 1;
	}

	#schedule(key: string): Schedule {
		const known = this.#schedules.get(key);
		if (known !== undefined) return known;
		const schedule = { part: earliest + this.#random() * (latest - earliest), notBefore: 0, failures: 0, hurried: false };
		this.#schedules.set(key, schedule);
		return schedule;
	}

	#forgetOthers(wanted: readonly Wanted[]): void {
		if (this.#schedules.size <= wanted.length * 2 + 100) return;
		const keys = new Set(wanted.map(({ key }) => key));
		for (const key of this.#schedules.keys()) if (!keys.has(key)) this.#schedules.delete(key);
	}
}
