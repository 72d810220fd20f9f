/** How many requests a vault answers in a time: the service's limits, made small. */
export class Quota {
	#limit: { readonly requests: number; readonly milliseconds: number } | undefined;
	#answered: number[] = [];

	/** Undefined: none. */
	set(limit: { readonly requests: number; readonly milliseconds: number } | undefined): void {
		this.#limit = limit;
		this.#answered = [];
	}

	/** Takes one request; when there is none left, says after how many seconds there is one, rounded up. */
	take(): number | undefined {
		if (this.#limit === undefined) return undefined;
		const { requests, milliseconds } = this.#limit;
		const now = performance.now();
		this.#answered = this.#answered.filter((time) => time > now - milliseconds);
		const [oldest] = this.#answered;
		if (oldest !== undefined && this.#answered.length >= requests) return Math.ceil((oldest + milliseconds - now) / 1000);
		this.#answered.push(now);
		return undefined;
	}
}
