/** How much of a node's secrets there are, and how much the stores have withdrawn. */
export interface Census {
	/** Distinct refs that volumes on this node hold. */
	readonly held: number;
	/** Those of them that the stores have withdrawn. */
	readonly withdrawn: number;
}

export interface BreakerOptions {
	census(): Census;
	/** Hears once, each time it opens. */
	alarm(census: Census): void;
	/** How long it holds back at most, in milliseconds: then the store's word counts after all. */
	readonly holdMilliseconds: number;
	readonly now?: () => number;
}

/** On a node with fewer refs than this, all of them may vanish for good reason. */
const leastHeld = 6;
const recountMilliseconds = 500;

/**
 * Holds back removals when more than half of a node's secrets vanish at once: that is more often a
 * deleted policy or a wrong role than the end of all those secrets, and their removal stops the node's work.
 */
export class Breaker {
	readonly #options: BreakerOptions;
	readonly #now: () => number;
	#openedAt: number | undefined;
	#countedAt = Number.NEGATIVE_INFINITY;
	#open = false;

	constructor(options: BreakerOptions) {
		this.#options = options;
		this.#now = options.now ?? (() => performance.now());
	}

	isOpen(): boolean {
		const now = this.#now();
		if (now - this.#countedAt < recountMilliseconds) return this.#open;
		this.#countedAt = now;
		this.#open = this.#count(now);
		return this.#open;
	}

	#count(now: number): boolean {
		const census = this.#options.census();
		if (census.held < leastHeld || census.withdrawn * 2 <= census.held) {
			this.#openedAt = undefined;
			return false;
		}
		if (this.#openedAt === undefined) {
			this.#openedAt = now;
			this.#options.alarm(census);
		}
		return now - this.#openedAt < this.#options.holdMilliseconds;
	}
}
