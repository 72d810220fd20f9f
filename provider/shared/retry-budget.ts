import { Pause } from "./pause.ts";

const windowSeconds = 10;
/** Retries per call of the window. */
const retriesPerCall = 0.1;
/** What a window may hold however few calls there are: one a second. */
const leastRetries = windowSeconds;

/** What the budgets of this process have decided so far, for metrics. */
export const retryTotals = { granted: 0, refused: 0 };

/** What happened in one second. */
interface Second {
	readonly number: number;
	calls: number;
	retries: number;
}

/**
 * How much a server that fails or is overloaded may be asked again, by all callers together; one per store instance.
 * When all calls fail, retries add a tenth to them instead of tripling them.
 */
export class RetryBudget {
	/** The time in which the server wants to be left alone. */
	readonly pause = new Pause();
	readonly #seconds: Second[] = [];
	readonly #now: () => number;

	/** @param now a clock in milliseconds that never goes back */
	constructor(now: () => number = () => performance.now()) {
		this.#now = now;
	}

	noteCall(): void {
		this.#current().calls += 1;
	}

	/** Whether a call may be made once more; counts it if so. */
	takeRetry(): boolean {
		const current = this.#current();
		const { calls, retries } = this.#totals();
		if (retries >= Math.max(leastRetries, calls * retriesPerCall)) {
			retryTotals.refused += 1;
			return false;
		}
		retryTotals.granted += 1;
		current.retries += 1;
		return true;
	}

	#current(): Second {
		const number = Math.floor(this.#now() / 1000);
		while (this.#seconds[0] !== undefined && this.#seconds[0].number <= number - windowSeconds) this.#seconds.shift();
		const last = this.#seconds.at(-1);
		if (last?.number === number) return last;
		const second = { number, calls: 0, retries: 0 };
		this.#seconds.push(second);
		return second;
	}

	#totals(): { readonly calls: number; readonly retries: number } {
		const totals = { calls: 0, retries: 0 };
		for (const { calls, retries } of this.#seconds) {
			totals.calls += calls;
			totals.retries += retries;
		}
		return totals;
	}
}
