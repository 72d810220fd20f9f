import { LRUCache } from "lru-cache";
import type { StoreInstance } from "../stores/store.ts";
import { Bulkhead } from "./bulkhead.ts";

/** More store instances than a node meets; beyond it the longest unused one loses its idle connections. */
const maximumInstances = 256;
/** Several times what a full node asks for after a reboot (110 pods, ten objects each), and a few MiB of memory. */
const maximumWaiting = 5000;

/** What all identities of one store instance share: the limit of calls under way, and the client. */
export class InstanceState {
	readonly #bulkhead: Bulkhead;
	#made: { readonly value: unknown } | undefined;

	constructor(concurrency: number) {
		this.#bulkhead = new Bulkhead({ underWay: concurrency, waiting: maximumWaiting });
	}

	schedule<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T> {
		return this.#bulkhead.run(task, signal);
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
