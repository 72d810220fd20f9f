import { setTimeout as sleep } from "node:timers/promises";

export interface QuotaLimit {
	readonly requests: number;
	/** The time in which a server answers so many. */
	readonly milliseconds: number;
}

/**
 * Keeps the requests of this process below what a server answers in a time: half of them may go at once, and the
 * others follow evenly, so that no such time sees more than all. It knows nothing of other nodes; what they take
 * together the server says with 429.
 */
export class Quota {
	readonly #pace: number;
	readonly #ahead: number;
	readonly #now: () => number;
	/** When the requests so far are paid for. */
	#paidAt = 0;

	/** @param now a clock in milliseconds that never goes back */
	constructor({ requests, milliseconds }: QuotaLimit, now: () => number = () => performance.now()) {
		this.#pace = (2 * milliseconds) / requests;
		this.#ahead = milliseconds;
		this.#now = now;
	}

	/** Takes one request, and says for how many milliseconds it has to wait; 0: not at all. */
	take(): number {
		const now = this.#now();
		this.#paidAt = Math.max(this.#paidAt, now) + this.#pace;
		return Math.max(0, this.#paidAt - now - this.#ahead);
	}

	/** Takes one request and waits for its time. @throws the signal's reason */
	async wait(signal: AbortSignal): Promise<void> {
		const milliseconds = this.take();
		if (milliseconds === 0) return;
		try {
			await sleep(milliseconds, undefined, { signal });
		} catch {
			throw signal.reason;
		}
	}
}
