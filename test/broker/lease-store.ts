import { LeaseKeeper, type LeaseKeeperOptions } from "../../provider/broker/leases/lease-keeper.ts";
import type { Clock } from "../../provider/broker/leases/schedule.ts";
import type { LeaseSource } from "../../provider/broker/leases/snapshot.ts";
import { ProviderError } from "../../provider/errors.ts";
import { Secret } from "../../provider/shared/secret.ts";
import type { Lease, Outcome, Ref, Session } from "../../provider/stores/store.ts";
import { plannedStore } from "../support/fake-store.ts";

/** A clock that stands still until the test moves it. */
export class TestClock implements Clock {
	#now = Date.UTC(2026, 0, 1);
	readonly #timers = new Map<number, { readonly at: number; run(): void }>();
	#next = 0;
	/** The draws of chance, in turn. */
	draws = [0.5];
	#drawn = 0;

	now(): number {
		return this.#now;
	}

	random(): number {
		this.#drawn += 1;
		return this.draws[this.#drawn % this.draws.length] ?? 0;
	}

	setTimer(run: () => void, milliseconds: number): () => void {
		this.#next += 1;
		const id = this.#next;
		this.#timers.set(id, { at: this.#now + milliseconds, run });
		return () => this.#timers.delete(id);
	}

	get timers(): number {
		return this.#timers.size;
	}

	/** Lets time pass, and after each timer lets what it began come to rest. */
	async advance(seconds: number): Promise<void> {
		const end = this.#now + seconds * 1000;
		for (;;) {
			const [next] = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, one], [, other]) => one.at - other.at);
			if (next === undefined) break;
			const [id, timer] = next;
			this.#timers.delete(id);
			this.#now = Math.max(this.#now, timer.at);
			timer.run();
			await rest();
		}
		this.#now = end;
	}
}

/** Everything that needs no time has happened. */
export function rest(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}

export type Operation = "connect" | "read" | "renew" | "renewLogin" | "close" | "revoke";

export interface LeaseStoreOptions {
	readonly leaseSeconds: number;
	/** No renewal goes beyond this age. */
	readonly longestLeaseSeconds?: number;
	readonly renewable?: boolean;
	/** The part of what is asked for that a renewal gives, as of a store that rounds. */
	readonly grantedPart?: number;
	/** Absent: the lease has an id. */
	readonly withoutId?: boolean;
	readonly loginSeconds?: number;
	readonly longestLoginSeconds?: number;
	/** Logins that cannot be ended, like Vault's batch tokens. */
	readonly batch?: boolean;
}

interface MadeLogin {
	readonly number: number;
	readonly madeAt: number;
	expiresAt: Date | undefined;
}

/** A store in memory that makes a new value at every read, and counts what it is asked. */
export class LeaseStore {
	readonly clock: TestClock;
	readonly options: LeaseStoreOptions;
	readonly counts: Record<Operation, number> = { connect: 0, read: 0, renew: 0, renewLogin: 0, close: 0, revoke: 0 };
	/** The time of each renewal. */
	readonly renewedAt: number[] = [];
	readonly closed: number[] = [];
	/** What the store does instead of an operation. */
	readonly failures = new Map<Operation, ProviderError>();
	outcome: Outcome | undefined;
	readonly #madeAt = new Map<string, number>();
	readonly #dead = new Set<number>();

	constructor(clock: TestClock, options: LeaseStoreOptions) {
		this.clock = clock;
		this.options = options;
	}

	connect = async (): Promise<Session> => {
		this.#count("connect");
		const { loginSeconds } = this.options;
		const madeAt = this.clock.now();
		const expiresAt = loginSeconds === undefined ? undefined : new Date(madeAt + loginSeconds * 1000);
		return this.#session({ number: this.counts.connect, madeAt, expiresAt });
	};

	resume(state: Secret): Session {
		const { number, madeAt, end } = JSON.parse(state.reveal().toString()) as { number: number; madeAt: number; end: number | null };
		return this.#session({ number, madeAt, expiresAt: end === null ? undefined : new Date(end) });
	}

	/** What an administrator does with `token revoke`. */
	killLogin(number: number): void {
		this.#dead.add(number);
	}

	#session(login: MadeLogin): Session {
		const session: Session = {
			batchSize: 1,
			get expiresAt() {
				return login.expiresAt;
			},
			read: async (refs) => refs.map((ref) => this.#read(login, ref)),
			renew: async (lease) => this.#renew(login, lease),
			revoke: async () => this.#count("revoke"),
			state: () => new Secret(JSON.stringify({ number: login.number, madeAt: login.madeAt, end: login.expiresAt?.getTime() ?? null })),
		};
		if (this.options.batch) return session;
		const close = async () => {
			this.#count("close");
			this.closed.push(login.number);
		};
		return Object.assign(session, { close, renewLogin: async () => this.#renewLogin(login) });
	}

	#read(login: MadeLogin, ref: Ref): Outcome {
		this.#count("read");
		if (this.#isDead(login)) return { kind: "denied", error: new ProviderError("denied", "no such login") };
		if (this.outcome !== undefined) return this.outcome;
		const id = this.options.withoutId ? "" : `lease-${this.counts.read}`;
		this.#madeAt.set(id, this.clock.now());
		const value = new Secret(`${ref.key} number ${this.counts.read}`);
		return { kind: "found", value, structure: "bytes", lease: this.#lease(id, this.options.leaseSeconds) };
	}

	#renew(login: MadeLogin, lease: Lease): Lease {
		this.#count("renew");
		this.renewedAt.push(this.clock.now());
		const madeAt = this.#madeAt.get(lease.id);
		if (madeAt === undefined || lease.expiresAt.getTime() <= this.clock.now() || this.#isDead(login))
			throw new ProviderError("invalid", "lease not found");
		const longest = (this.options.longestLeaseSeconds ?? 1e9) - (this.clock.now() - madeAt) / 1000;
		return this.#lease(lease.id, Math.min(lease.durationSeconds * (this.options.grantedPart ?? 1), longest));
	}

	#renewLogin(login: MadeLogin): void {
		this.#count("renewLogin");
		if (this.#isDead(login)) throw new ProviderError("denied", "no such login");
		const { loginSeconds, longestLoginSeconds = 1e9 } = this.options;
		if (loginSeconds === undefined) return;
		const longest = login.madeAt + longestLoginSeconds * 1000;
		login.expiresAt = new Date(Math.min(this.clock.now() + loginSeconds * 1000, longest));
	}

	#isDead({ number, expiresAt }: MadeLogin): boolean {
		return this.#dead.has(number) || (expiresAt !== undefined && expiresAt.getTime() <= this.clock.now());
	}

	#lease(id: string, seconds: number): Lease {
		const renewable = this.options.renewable ?? true;
		return { id, durationSeconds: seconds, renewable, expiresAt: new Date(this.clock.now() + seconds * 1000) };
	}

	#count(operation: Operation): void {
		this.counts[operation] += 1;
		const failure = this.failures.get(operation);
		if (failure !== undefined) throw failure;
	}
}

/** What the keeper told. */
export interface Told {
	readonly replaced: string[];
	readonly log: string[];
	changes: number;
}

export function makeKeeper(store: LeaseStore, overrides: Partial<LeaseKeeperOptions> = {}): { keeper: LeaseKeeper; told: Told } {
	const told: Told = { replaced: [], log: [], changes: 0 };
	const write = (fields: object, message: string) => void told.log.push(`${message} ${JSON.stringify(fields)}`);
	const keeper = new LeaseKeeper({
		clock: store.clock,
		log: { info: write, warn: write },
		onReplaced: ({ podUid, outcome }) => void told.replaced.push(`${podUid} ${outcome?.kind ?? "ended"}`),
		onChanged: () => {
			told.changes += 1;
		},
		resume: async (_source, state) => store.resume(state),
		...overrides,
	});
	return { keeper, told };
}

export const source: LeaseSource = {
	store: plannedStore(),
	identity: { key: "shop/web", audience: "vault", namespace: "shop", serviceAccount: "web", role: "shop" },
};

/** A Mount of one pod that wants one ref. */
export function readFor(keeper: LeaseKeeper, store: LeaseStore, podUid: string, refKey = "database/creds/shop"): Promise<Outcome> {
	const signal = new AbortController().signal;
	return keeper.read({ podUid, source, ref: { key: refKey }, connect: store.connect, signal });
}

export function textOf(outcome: Outcome | undefined): string {
	return outcome?.kind === "found" ? outcome.value.reveal().toString() : (outcome?.kind ?? "nothing");
}
