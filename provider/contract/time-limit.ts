import { ProviderError } from "../errors.ts";

const largestMargin = 2000;
const largestGrace = 250;

/**
 * How long a call may take, in milliseconds, so that its answer reaches the caller in time: the
 * caller's deadline less a margin of a tenth, at most two seconds, and never more than the limit.
 *
 * @param deadline when the caller gives up; Infinity when never
 */
export function timeBudget(deadline: Date | number, limit: number, now = Date.now()): number {
	const remaining = Math.max(0, Number(deadline) - now);
	const margin = Math.min(largestMargin, remaining / 10);
	return Math.min(remaining - margin, limit);
}

/**
 * The end of one call. A moment before the time is over, or when somebody aborts it, the signal aborts, so that the task can
 * still say in its own words what it was waiting for; then the call ends, whatever the task does.
 *
 * The signal is made when it is first asked for: a Mount that is answered from memory never does.
 */
export class TimeLimit {
	readonly #milliseconds: number;
	readonly #grace: number;
	#controller: AbortController | undefined;
	#aborted: { readonly reason: unknown } | undefined;
	#graceTimer: NodeJS.Timeout | undefined;
	/** Ends the call; absent before it has begun and after it has ended. */
	#reject: ((reason: unknown) => void) | undefined;

	/** @param milliseconds from the call's begin, in which it must have ended */
	constructor(milliseconds: number) {
		this.#milliseconds = milliseconds;
		this.#grace = Math.min(largestGrace, milliseconds / 20);
	}

	get signal(): AbortSignal {
		if (this.#controller === undefined) {
			this.#controller = new AbortController();
			if (this.#aborted !== undefined) this.#controller.abort(this.#aborted.reason);
		}
		return this.#controller.signal;
	}

	/** Only the first reason counts. */
	abort(reason: unknown): void {
		if (this.#aborted !== undefined) return;
		this.#aborted = { reason };
		this.#controller?.abort(reason);
		this.#beginGrace(reason);
	}

	/** @throws ProviderError `unreachable` when the time is over, the reason of {@link abort}, or what the task throws */
	async settle<Result>(task: () => Promise<Result>): Promise<Result> {
		const { promise, resolve, reject } = Promise.withResolvers<Result>();
		this.#reject = reject;
		const timer = setTimeout(() => this.abort(outOfTime(this.#milliseconds)), this.#milliseconds - this.#grace);
		if (this.#aborted !== undefined) this.#beginGrace(this.#aborted.reason);
		task().then(resolve, reject);
		try {
			return await promise;
		} finally {
			this.#reject = undefined;
			clearTimeout(timer);
			clearTimeout(this.#graceTimer);
		}
	}

	#beginGrace(reason: unknown): void {
		const reject = this.#reject;
		if (reject !== undefined) this.#graceTimer = setTimeout(() => reject(reason), this.#grace);
	}
}

function outOfTime(milliseconds: number): ProviderError {
	const seconds = (milliseconds / 1000).toFixed(1);
	return new ProviderError("unreachable", `The time limit of ${seconds} s is over: the store did not answer in time.`, {
		remedy: "Check that the store is reachable from this node and not overloaded; the mount is tried again.",
	});
}
