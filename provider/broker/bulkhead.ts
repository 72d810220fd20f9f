import { ProviderError } from "../errors.ts";

export interface BulkheadLimits {
	/** Calls under way at once. */
	readonly underWay: number;
	/** Calls that wait for their turn. */
	readonly waiting: number;
}

/**
 * Keeps a slow store from taking more than its share: so many calls are under way, so many more wait
 * their turn in the order in which they came, and any other is turned away at once.
 */
export class Bulkhead {
	readonly #limits: BulkheadLimits;
	readonly #waiting = new Set<() => void>();
	#underWay = 0;

	constructor(limits: BulkheadLimits) {
		this.#limits = limits;
	}

	/**
	 * Runs a task as soon as there is room for it.
	 *
	 * @param signal a call whose signal aborts gives its place in the queue up; a running task ends by itself
	 * @throws ProviderError `unreachable` when too many wait already; the signal's reason; what the task throws
	 */
	async run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
		signal?.throwIfAborted();
		if (this.#underWay < this.#limits.underWay) this.#underWay += 1;
		else await this.#turn(signal);
		try {
			return await task();
		} finally {
			this.#leave();
		}
	}

	#turn(signal: AbortSignal | undefined): Promise<void> {
		if (this.#waiting.size >= this.#limits.waiting) return Promise.reject(overcrowded(this.#limits));
		return new Promise((resolve, reject) => {
			const start = () => {
				signal?.removeEventListener("abort", giveUp);
				resolve();
			};
			const giveUp = () => {
				this.#waiting.delete(start);
				reject(signal?.reason);
			};
			signal?.addEventListener("abort", giveUp, { once: true });
			this.#waiting.add(start);
		});
	}

	/** Hands the place on to the next in the queue, so that nobody overtakes it. */
	#leave(): void {
		const [next] = this.#waiting;
		if (next === undefined) {
			this.#underWay -= 1;
			return;
		}
		this.#waiting.delete(next);
		next();
	}
}

function overcrowded({ underWay, waiting }: BulkheadLimits): ProviderError {
	return new ProviderError(
		"unreachable",
		`The store answers too slowly: ${underWay} calls to it are under way from this node, and ${waiting} more wait already.`,
		{ remedy: "Check the store and the network between it and this node; the mount is tried again." },
	);
}
