import { ProviderError } from "./errors.ts";
import type { Lease, Ref, Session, Store, StoreInstance } from "./stores/store.ts";
import type { StoreLabels, StoreMetrics, StoreOperation } from "./telemetry/metrics.ts";
import type { Tracing } from "./telemetry/tracing.ts";

export interface StoreObserver {
	readonly metrics: StoreMetrics;
	readonly labels: StoreLabels;
	/** Undefined where traces are off. */
	readonly tracing: Tracing | undefined;
}

/** What the broker needs of a store. */
type Connecting = Pick<Store, "connect" | "resume">;

/** A store whose calls are counted, timed and traced, and which knows nothing of it. */
export function observeStore(store: Store, observerOf: (instance: StoreInstance) => StoreObserver): Connecting {
	const { resume } = store;
	return {
		async connect(instance, identity, context) {
			const calls = new ObservedCalls(observerOf(instance));
			const observed = { ...context, schedule: calls.scheduler(context.schedule) };
			return new ObservedSession(await calls.run("login", () => store.connect(instance, identity, observed)), calls);
		},
		...(resume === undefined
			? {}
			: {
					async resume(instance, state, context) {
						const calls = new ObservedCalls(observerOf(instance));
						const observed = { ...context, schedule: calls.scheduler(context.schedule) };
						return new ObservedSession(await resume.call(store, instance, state, observed), calls);
					},
				}),
	};
}

type Schedule = <T>(task: () => Promise<T>, signal?: AbortSignal) => Promise<T>;

class ObservedCalls {
	readonly #observer: StoreObserver;

	constructor(observer: StoreObserver) {
		this.#observer = observer;
	}

	get metrics(): StoreMetrics {
		return this.#observer.metrics;
	}

	async run<T>(operation: StoreOperation, call: () => Promise<T>): Promise<T> {
		const { metrics, labels, tracing } = this.#observer;
		const began = performance.now();
		let code = "ok";
		try {
			return await (tracing === undefined ? call() : tracing.storeCall(operation, labels, call));
		} catch (reason) {
			code = ProviderError.from(reason).code;
			throw reason;
		} finally {
			metrics.called(operation, code, (performance.now() - began) / 1000);
		}
	}

	/** Every request to a store goes through its schedule, so that is where requests are counted. */
	scheduler(schedule: Schedule): Schedule {
		const { metrics } = this.#observer;
		return async (task, signal) => {
			let waits = true;
			metrics.waiting(1);
			try {
				return await schedule(async () => {
					waits = false;
					metrics.waiting(-1);
					metrics.underWay(1);
					try {
						return await task();
					} finally {
						metrics.underWay(-1);
					}
				}, signal);
			} finally {
				if (waits) metrics.waiting(-1);
			}
		};
	}
}

/** What a session cannot do, its observed one cannot either: callers look at which methods there are. */
class ObservedSession implements Session {
	readonly watch?: NonNullable<Session["watch"]>;
	readonly renew?: NonNullable<Session["renew"]>;
	readonly revoke?: NonNullable<Session["revoke"]>;
	readonly renewLogin?: NonNullable<Session["renewLogin"]>;
	readonly close?: NonNullable<Session["close"]>;
	readonly state?: NonNullable<Session["state"]>;
	readonly #session: Session;
	readonly #calls: ObservedCalls;

	constructor(session: Session, calls: ObservedCalls) {
		this.#session = session;
		this.#calls = calls;
		const { watch, renew, revoke, renewLogin, close, state } = session;
		if (watch !== undefined) this.watch = (refs, onChange, signal, onTrouble) => watch.call(session, refs, onChange, signal, onTrouble);
		if (renew !== undefined) this.renew = (lease: Lease, signal) => calls.run("renew", () => renew.call(session, lease, signal));
		if (revoke !== undefined) this.revoke = (lease: Lease, signal) => calls.run("revoke", () => revoke.call(session, lease, signal));
		if (renewLogin !== undefined) this.renewLogin = (signal) => calls.run("renew-login", () => renewLogin.call(session, signal));
		if (close !== undefined) this.close = () => calls.run("logout", () => close.call(session));
		if (state !== undefined) this.state = () => state.call(session);
	}

	get expiresAt(): Date | undefined {
		return this.#session.expiresAt;
	}

	get batchSize(): number {
		return this.#session.batchSize;
	}

	async read(refs: readonly Ref[], signal: AbortSignal) {
		const outcomes = await this.#calls.run("read", () => this.#session.read(refs, signal));
		for (const { kind } of outcomes) if (kind !== "failed") this.#calls.metrics.answered(kind);
		return outcomes;
	}
}
