/** Lets `burst` pass at once and `ratePerSecond` on average. */
export class TokenBucket {
	readonly #ratePerSecond: number;
	readonly #burst: number;
	readonly #now: () => number;
	#tokens: number;
	#countedAt: number;

	/** @param now milliseconds of a clock that is never set back */
	constructor(ratePerSecond: number, burst: number, now: () => number) {
		this.#ratePerSecond = ratePerSecond;
		this.#burst = burst;
		this.#now = now;
		this.#tokens = burst;
		this.#countedAt = now();
	}

	/** Takes a token if there is one. */
	take(): boolean {
		this.#count();
		if (this.#tokens < 1) return false;
		this.#tokens -= 1;
		return true;
	}

	/** Milliseconds until there is a token, at least 1. */
	wait(): number {
		this.#count();
		return Math.max(1, Math.ceil(((1 - this.#tokens) / this.#ratePerSecond) * 1000));
	}

	#count(): void {
		const now = this.#now();
		this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#countedAt) / 1000) * this.#ratePerSecond);
		this.#countedAt = now;
	}
}
