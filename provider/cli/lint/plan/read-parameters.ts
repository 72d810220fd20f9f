/** Parameters that remember which of them were asked for: what no dialect asks for has no effect. */
export class ReadParameters extends Map<string, string> {
	readonly #asked = new Set<string>();

	get unread(): readonly string[] {
		return [...super.keys()].filter((key) => !this.#asked.has(key));
	}

	/** Names that were asked for and are not there: what an unread one may have been meant as. */
	get missed(): readonly string[] {
		return [...this.#asked].filter((key) => !super.has(key));
	}

	override get(key: string): string | undefined {
		this.#asked.add(key);
		return super.get(key);
	}

	override has(key: string): boolean {
		this.#asked.add(key);
		return super.has(key);
	}

	override keys(): MapIterator<string> {
		this.#askAll();
		return super.keys();
	}

	override values(): MapIterator<string> {
		this.#askAll();
		return super.values();
	}

	override entries(): MapIterator<[string, string]> {
		this.#askAll();
		return super.entries();
	}

	override [Symbol.iterator](): MapIterator<[string, string]> {
		return this.entries();
	}

	override forEach(visit: (value: string, key: string, map: Map<string, string>) => void): void {
		this.#askAll();
		super.forEach(visit);
	}

	#askAll(): void {
		for (const key of super.keys()) this.#asked.add(key);
	}
}
