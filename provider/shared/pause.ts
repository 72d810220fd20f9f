import { ProviderError } from "../errors.ts";

/** The longest pause that calls wait for. */
export const longestWaitMilliseconds = 30_000;
/** A pause longer than this is not believed: one wrong header must not cut a store off for a day. */
const longestMilliseconds = 60_000;
/** The end of a pause is put off by up to a half of it, and no more than this, so that the nodes of a cluster do not come back as one. */
const longestJitterMilliseconds = 2_000;
/** While more than this is left of a pause, calls fail at once. */
const patienceMilliseconds = longestWaitMilliseconds + longestJitterMilliseconds;
/** Calls that wait for the end of a pause; each keeps its Mount's memory. */
const mostWaiting = 5_000;

/** Permission to make one call. Each is its own object. */
export interface Permit {
	readonly isTrial: boolean;
}

/** How a call ended: the store wants to be left alone for a time, it answered otherwise, or the call was never answered. */
export type Verdict = { readonly pauseMilliseconds: number } | "answered" | "abandoned";

/**
 * The time in which a server wants to be left alone, shared by all its callers. One call that is told to wait holds
 * all of them back; when the time is over, a single one goes ahead as a trial, and the others follow once it was answered.
 */
export class Pause {
	/** When the pause is over; undefined while there is none. */
	#end: number | undefined;
	#trial: Permit | undefined;
	readonly #waiting = new Set<Waiter>();
	#timer: NodeJS.Timeout | undefined;

	/**
	 * Waits for permission to make a call. Whoever gets it owes a {@link settle}.
	 *
	 * @throws ProviderError `unreachable` when the pause is too long to wait for or too many wait; the signal's reason when it aborts
	 */
	async permit(signal: AbortSignal): Promise<Permit> {
		signal.throwIfAborted();
		if (this.#end === undefined) return { isTrial: false };
		const rest = this.#end - performance.now();
		if (rest > patienceMilliseconds) throw tooLong(rest);
		if (rest <= 0 && this.#trial === undefined) return this.#begin();
		if (this.#waiting.size >= mostWaiting) throw tooMany();
		return this.#wait(signal);
	}

	/** Whether a call may still be made with this permit: a pause may have begun since it was given. */
	allows(permit: Permit): boolean {
		return this.#end === undefined || this.#trial === permit;
	}

	settle(permit: Permit, verdict: Verdict): void {
		const wasTrial = this.#trial === permit;
		if (wasTrial) this.#trial = undefined;
		if (typeof verdict === "object") this.#prolong(verdict.pauseMilliseconds);
		// Calls sent before the pause may be answered well during it, which says nothing about its end.
		else if (wasTrial && verdict === "answered") this.#resume();
		this.#arm();
	}

	#begin(): Permit {
		this.#trial = { isTrial: true };
		return this.#trial;
	}

	#prolong(milliseconds: number): void {
		const jitter = Math.random() * Math.min(longestJitterMilliseconds, milliseconds / 2);
		const length = Math.min(longestMilliseconds, milliseconds + jitter);
		this.#end = Math.max(this.#end ?? 0, performance.now() + length);
		if (length <= patienceMilliseconds) return;
		for (const waiter of this.#take()) waiter.reject(tooLong(length));
	}

	#resume(): void {
		this.#end = undefined;
		for (const waiter of this.#take()) waiter.resolve({ isTrial: false });
	}

	#wait(signal: AbortSignal): Promise<Permit> {
		return new Promise((resolve, reject) => {
			const forget = () => {
				this.#waiting.delete(waiter);
				signal.removeEventListener("abort", giveUp);
			};
			const waiter: Waiter = {
				resolve(permit) {
					forget();
					resolve(permit);
				},
				reject(reason) {
					forget();
					reject(reason);
				},
			};
			const giveUp = () => {
				waiter.reject(signal.reason);
				this.#arm();
			};
			signal.addEventListener("abort", giveUp, { once: true });
			this.#waiting.add(waiter);
			this.#arm();
		});
	}

	/** All who wait, in random order: what one of them asks for may be the very thing that the server limits. */
	#take(): readonly Waiter[] {
		return [...this.#waiting]
			.map((waiter) => ({ waiter, rank: Math.random() }))
			.sort((a, b) => a.rank - b.rank)
			.map(({ waiter }) => waiter);
	}

	/** A timer runs exactly while somebody waits for the end of a pause. */
	#arm(): void {
		clearTimeout(this.#timer);
		if (this.#end === undefined || this.#trial !== undefined || this.#waiting.size === 0) return;
		this.#timer = setTimeout(() => this.#take()[0]?.resolve(this.#begin()), Math.max(0, this.#end - performance.now()));
	}
}

interface Waiter {
	resolve(permit: Permit): void;
	reject(reason: unknown): void;
}

const remedy = "Raise its rate limit, or ask it less often; the mount is tried again.";

function tooLong(milliseconds: number): ProviderError {
	return new ProviderError("unreachable", `The store wants to be left alone for another ${Math.ceil(milliseconds / 1000)} s.`, { remedy });
}

function tooMany(): ProviderError {
	return new ProviderError("unreachable", `The store wants to be left alone, and ${mostWaiting} calls wait for the end of that already.`, {
		remedy,
	});
}
