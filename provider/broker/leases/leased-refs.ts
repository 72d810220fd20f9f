import { LRUCache } from "lru-cache";
import type { Outcome, Ref, StoreInstance } from "../../stores/store.ts";

const maximumLearned = 4096;

/**
 * Which refs each pod must read for itself. A store says so in advance where it can tell; for others
 * it is learned from the first answer that carries a lease. That answer was read in common, so nobody gets it.
 */
export class LeasedRefs {
	readonly #learned = new LRUCache<string, true>({ max: maximumLearned });

	has(instance: StoreInstance, ref: Ref): boolean {
		return ref.leased === true || this.#learned.has(keyOf(instance, ref));
	}

	learn(instance: StoreInstance, ref: Ref): void {
		this.#learned.set(keyOf(instance, ref), true);
	}
}

export function hasLease(outcome: Outcome): boolean {
	return outcome.kind === "found" && outcome.lease !== undefined;
}

function keyOf(instance: StoreInstance, ref: Ref): string {
	return JSON.stringify([instance.key, ref.key]);
}
