import { ProviderError } from "../../errors.ts";
import { Flights } from "../../shared/flights.ts";
import type { Found, Outcome, Ref, Session } from "../../stores/store.ts";
import { withinLimit } from "../attempt-limit.ts";
import type { Closings } from "./closings.ts";
import { HeldLease } from "./held-lease.ts";
import type { KeeperContext, LeaseEvent } from "./keeper-context.ts";
import { type Connect, PodLogin } from "./pod-login.ts";
import type { LeaseSource, PodSnapshot } from "./snapshot.ts";

/** Node's timers take no longer time than about 24 days; waking once a day costs nothing. */
const longestTimerMilliseconds = 86_400_000;

export interface PodLeasesOptions {
	readonly context: KeeperContext;
	readonly closings: Closings;
	readonly podUid: string;
	readonly source: LeaseSource;
}

/** What one pod has from one store as one identity: a login of its own, and the leases made with it. */
export class PodLeases {
	readonly #options: PodLeasesOptions;
	readonly #context: KeeperContext;
	readonly #login: PodLogin;
	readonly #held = new Map<string, HeldLease>();
	readonly #reads = new Flights<Outcome>();
	readonly #ended = new AbortController();
	/** Aborts with the pod's end and with the keeper's. */
	readonly #signal: AbortSignal;
	#cancelTimer = (): void => undefined;
	#tending: Promise<void> | undefined;

	constructor(options: PodLeasesOptions) {
		const { context, closings, source } = options;
		this.#options = options;
		this.#context = context;
		this.#signal = AbortSignal.any([this.#ended.signal, context.stopped]);
		this.#login = new PodLogin({
			context,
			source,
			renewed: () => this.#becomeDue(),
			superfluous: (session) => void closings.add({ source, session, leases: [] }),
		});
	}

	/** How many values are kept alive. */
	get size(): number {
		return this.#held.size;
	}

	/** The value that the pod has, while it lives. */
	get(refKey: string): Found | undefined {
		const held = this.#held.get(refKey);
		return held !== undefined && this.#context.clock.now() < held.endsAt ? held.found : undefined;
	}

	/** How to log in from now on. */
	connectWith(connect: Connect): void {
		this.#login.connectWith(connect);
	}

	/** Reads for this pod alone and keeps what has a lease. @throws ProviderError as Session.read and Store.connect */
	async read(ref: Ref, connect: Connect, signal: AbortSignal): Promise<Outcome> {
		this.#login.connectWith(connect);
		return this.get(ref.key) ?? this.#fetch(ref, signal);
	}

	/** Ends everything that the pod has; resolves when the store was told, or could not be told at once. */
	async end(): Promise<void> {
		this.#ended.abort(new ProviderError("stopped", "The pod is gone."));
		this.#cancelTimer();
		const { closings, source } = this.#options;
		const leases = [...this.#held.values()].map(({ lease }) => lease);
		for (const _lease of leases) this.#tell("released");
		this.#held.clear();
		// The current login comes first, and it made them.
		await Promise.all(this.#login.end().map((session, index) => closings.add({ source, session, leases: index === 0 ? leases : [] })));
	}

	/** Ends the timer and what it began; the leases live on. */
	async stop(): Promise<void> {
		this.#cancelTimer();
		await this.#tending;
	}

	/** Undefined when another process could not go on with the login. */
	snapshot(): PodSnapshot | undefined {
		const { podUid, source } = this.#options;
		const logins = this.#login.snapshot();
		if (logins === undefined) return undefined;
		return { podUid, source, ...logins, leases: [...this.#held.values()].map((held) => held.snapshot(this.#login.session)) };
	}

	/** @throws ProviderError `refused` when policy no longer lets the store be asked */
	async restore(snapshot: PodSnapshot): Promise<void> {
		const { clock } = this.#context;
		const session = await this.#login.restore(snapshot.login, snapshot.former);
		for (const kept of snapshot.leases) {
			if (kept.expiresAt > clock.now()) this.#held.set(kept.ref.key, HeldLease.restore(clock, kept, session));
		}
		this.#schedule();
	}

	/** A Mount and a replacement that fall together share one read: each read makes something new. */
	#fetch(ref: Ref, signal: AbortSignal): Promise<Outcome> {
		return this.#reads.join(ref.key, signal, (attempt) =>
			withinLimit(attempt, async (limited) => {
				const session = await this.#login.current(limited);
				const outcome = await readOne(session, ref, limited);
				const other = outcome.kind === "denied" ? await this.#login.afterDenial(session, limited) : undefined;
				if (other === undefined) return this.#settle(session, ref, outcome);
				return this.#settle(other, ref, await readOne(other, ref, limited));
			}),
		);
	}

	#settle(session: Session, ref: Ref, outcome: Outcome): Outcome {
		this.#ended.signal.throwIfAborted();
		const isKnown = this.#held.delete(ref.key);
		if (outcome.kind === "found" && outcome.lease !== undefined)
			this.#held.set(ref.key, HeldLease.read(this.#context.clock, ref, outcome, outcome.lease, session));
		this.#context.changed();
		this.#schedule();
		if (isKnown) this.#replaced(ref, outcome);
		return outcome;
	}

	/** Sets the one timer to the next thing that is to be done. */
	#schedule(): void {
		this.#cancelTimer();
		if (this.#held.size === 0 || this.#tending !== undefined || this.#signal.aborted) return;
		const { clock } = this.#context;
		const times = [...this.#held.values()].flatMap(({ dueAt, endsAt }) => [dueAt, endsAt]);
		const wait = Math.min(this.#login.dueAt, ...times) - clock.now();
		this.#cancelTimer = clock.setTimer(() => this.#beginTending(), Math.min(longestTimerMilliseconds, Math.max(0, wait)));
	}

	#beginTending(): void {
		if (this.#signal.aborted) return;
		this.#tending ??= this.#tend().finally(() => {
			this.#tending = undefined;
			this.#schedule();
		});
	}

	async #tend(): Promise<void> {
		this.#dropEnded();
		if (this.#held.size === 0) return;
		await withinLimit(this.#signal, (limited) => this.#login.tend(limited));
		const now = this.#context.clock.now();
		const due = [...this.#held.values()].filter(({ dueAt }) => dueAt <= now);
		await Promise.all(due.map((held) => this.#tendOne(held)));
	}

	async #tendOne(held: HeldLease): Promise<void> {
		try {
			if (!(await this.#renew(held))) await this.#fetch(held.ref, this.#signal);
		} catch (reason) {
			if (this.#signal.aborted) return;
			held.failed();
			this.#tell("failed");
			this.#context.log.warn(
				{ event: "lease_delayed", ...this.#fields(), reason: ProviderError.from(reason).text },
				"a lease was not renewed yet",
			);
		}
	}

	async #renew(held: HeldLease): Promise<boolean> {
		if (!held.canRenew(this.#login.session)) return false;
		const isWhole = await withinLimit(this.#signal, (limited) => held.renew(limited));
		this.#context.changed();
		if (isWhole) this.#tell("renewed");
		return isWhole;
	}

	/** Another login cannot renew what the last one made. */
	#becomeDue(): void {
		for (const held of this.#held.values()) held.becomeDue();
		this.#schedule();
	}

	#dropEnded(): void {
		for (const [key, held] of this.#held) {
			if (this.#context.clock.now() < held.endsAt) continue;
			this.#held.delete(key);
			this.#context.changed();
			this.#replaced(held.ref, undefined);
		}
	}

	#replaced(ref: Ref, outcome: Outcome | undefined): void {
		const { podUid, source } = this.#options;
		this.#context.log.info(
			{ event: "lease_replaced", ...this.#fields(), outcome: outcome?.kind ?? "ended" },
			"a pod's lease was not renewed any more",
		);
		this.#context.replaced({ podUid, source, ref, outcome });
		this.#tell(outcome?.kind === "found" ? "replaced" : "ended");
	}

	#tell(event: LeaseEvent): void {
		const { podUid, source } = this.#options;
		this.#context.heard({ event, podUid, source });
	}

	#fields(): object {
		const { podUid, source } = this.#options;
		const { namespace, serviceAccount } = source.identity;
		return { podUid, namespace, serviceAccount, store: source.store.instance.name };
	}
}

async function readOne(session: Session, ref: Ref, signal: AbortSignal): Promise<Outcome> {
	const [outcome] = await session.read([ref], signal);
	if (outcome === undefined) throw new Error("a session answered a read with no outcome");
	if (outcome.kind === "failed") throw outcome.error;
	return outcome;
}
