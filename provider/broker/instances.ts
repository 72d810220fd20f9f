import { LRUCache } from "lru-cache";
import pLimit, { type LimitFunction } from "p-limit";
import type { StoreInstance } from "../stores/store.ts";

/** More store instances than a node meets; beyond it the longest unused one loses its idle connections. */
const maximumInstances = 256;

/** What all identities of one store instance share: the limit of calls under way, and the client. */
export class InstanceState {
	readonly #limit: LimitFunction;
	#made: { readonly value: unknown } | undefined;

	constructor(concurrency: number) {
		this.#limit = pLimit(concurrency);
	}

	schedule<T>(task: () => Promise<T>): Promise<T> {
		return this.#limit(task);
	}

	/** A store makes one kind of thing per instance, so the type is the store's own. */
	once<T>(make: () => T): T {
		this.#made ??= { value: make() };
		return this.#made.value as T;
	}
}

/** The state of each store instance in use. */
export class Instances {
	readonly #concurrency: number;
	readonly #states = new LRUCache<string, InstanceState>({ max: maximumInstances });

	/** @param concurrency calls under way at once to one store instance */
	constructor(concurrency: number) {
		this.#concurrency = concurrency;
	}

	of(instance: StoreInstance): InstanceState {
		const known = this.#states.get(instance.key);
		if (known !== undefined) return known;
		const state = new InstanceState(this.#concurrency);
		this.#states.set(instance.key, state);
		return state;
	}
}
