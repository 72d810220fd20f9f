import { ProviderError } from "./errors.ts";
import type { StoreEntry } from "./stores/index.ts";
import type { StoreModule } from "./stores/module.ts";
import type { Store } from "./stores/store.ts";

/** Loads stores on first use, each once. */
export class StoreRegistry {
	readonly entries: readonly StoreEntry[];
	readonly #modules = new Map<string, Promise<StoreModule>>();
	readonly #loaded = new Map<string, Store>();

	constructor(entries: readonly StoreEntry[]) {
		this.entries = entries;
	}

	get types(): readonly string[] {
		return this.entries.map((entry) => entry.type);
	}

	/** The store type whose folder holds a compatible dialect. */
	typeOfDialect(dialect: string): string | undefined {
		return this.entries.find((entry) => entry.dialects.includes(dialect))?.type;
	}

	async module(type: string): Promise<StoreModule> {
		const known = this.#modules.get(type);
		if (known !== undefined) return known;
		const entry = this.entries.find((candidate) => candidate.type === type);
		if (entry === undefined) {
			throw new ProviderError("invalid", `There is no store of type ${JSON.stringify(type)}.`, {
				remedy: `Known types: ${this.types.join(", ")}.`,
			});
		}
		const loading = entry.load();
		this.#modules.set(type, loading);
		this.#loaded.set(type, (await loading).store);
		return loading;
	}

	async store(type: string): Promise<Store> {
		return this.#loaded.get(type) ?? (await this.module(type)).store;
	}

	/** A store that has been loaded before. */
	loaded(type: string): Store | undefined {
		return this.#loaded.get(type);
	}
}
