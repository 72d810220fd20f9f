import { ProviderError } from "../../errors.ts";
import { Secret } from "../../shared/secret.ts";
import type { Lease, Session } from "../../stores/store.ts";
import { withinLimit } from "../attempt-limit.ts";
import type { KeeperContext } from "./keeper-context.ts";
import { isRefusal, retryTime } from "./schedule.ts";
import type { ClosingSnapshot, LeaseSource } from "./snapshot.ts";

/** A login that nobody needs any more, with the leases it made. */
export interface Closing {
	readonly source: LeaseSource;
	readonly session: Session;
	readonly leases: readonly Lease[];
}

interface Pending extends Closing {
	/** By then nothing is left to end, in milliseconds of the epoch. */
	readonly until: number;
	failures: number;
	cancel(): void;
}

/** A login without an end is tried to be ended for this long. */
const endlessMilliseconds = 86_400_000;

/**
 * Ends logins at their stores, again and again while a store cannot be reached, until they have ended
 * by themselves. A login that cannot be ended has its leases revoked one by one, where the store lets it.
 */
export class Closings {
	readonly #context: KeeperContext;
	readonly #pending = new Set<Pending>();

	constructor(context: KeeperContext) {
		this.#context = context;
	}

	/** Resolves after the first attempt, whatever came of it. */
	async add(closing: Closing): Promise<void> {
		const until = endOf(closing, this.#context.clock.now());
		const pending: Pending = { ...closing, until, failures: 0, cancel: () => undefined };
		this.#pending.add(pending);
		await this.#attempt(pending);
	}

	snapshot(): readonly ClosingSnapshot[] {
		return [...this.#pending].flatMap(({ source, session, leases }) => {
			const state = session.state?.();
			if (state === undefined) return [];
			const kept = leases.map(({ id, durationSeconds, expiresAt }) => ({ id, durationSeconds, expiresAt: expiresAt.getTime() }));
			return [{ source, state: state.reveal().toString("base64"), leases: kept }];
		});
	}

	/** Does not wait for the store. @throws ProviderError `refused` when policy no longer lets it be asked */
	async restore({ source, state, leases }: ClosingSnapshot): Promise<void> {
		const session = await this.#context.resume(source, new Secret(Buffer.from(state, "base64")));
		const revocable = leases.map((lease) => ({ ...lease, renewable: false, expiresAt: new Date(lease.expiresAt) }));
		void this.add({ source, session, leases: revocable });
	}

	stop(): void {
		for (const pending of this.#pending) pending.cancel();
	}

	async #attempt(pending: Pending): Promise<void> {
		try {
			await withinLimit(this.#context.stopped, (signal) => end(pending, signal));
			this.#pending.delete(pending);
		} catch (reason) {
			this.#failed(pending, reason);
		}
		this.#context.changed();
	}

	#failed(pending: Pending, reason: unknown): void {
		const { clock, log, stopped } = this.#context;
		if (stopped.aborted) return;
		if (isRefusal(reason) || clock.now() >= pending.until) {
			// What the store no longer knows has ended already; and what it does not let us end ends by itself.
			this.#pending.delete(pending);
			return;
		}
		pending.failures += 1;
		const { namespace, serviceAccount } = pending.source.identity;
		const text = ProviderError.from(reason).text;
		log.warn(
			{ event: "logout_delayed", namespace, serviceAccount, reason: text },
			"the login of a pod that is gone could not be ended yet",
		);
		const wait = retryTime(clock, pending.failures, pending.until) - clock.now();
		pending.cancel = clock.setTimer(() => void this.#attempt(pending), wait);
	}
}

async function end({ session, leases }: Closing, signal: AbortSignal): Promise<void> {
	if (session.close !== undefined) return session.close();
	const revocable = leases.filter(({ id }) => id !== "");
	await Promise.all(revocable.map((lease) => session.revoke?.(lease, signal)));
}

function endOf({ session, leases }: Closing, now: number): number {
	const ends = session.close === undefined ? leases.map(({ expiresAt }) => expiresAt.getTime()) : [];
	return Math.max(session.expiresAt?.getTime() ?? now + endlessMilliseconds, ...ends);
}
