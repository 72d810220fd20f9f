import { LRUCache } from "lru-cache";
import type { Outcome, Ref, StoreInstance } from "../../stores/store.ts";

const maximumLearned = 4096;

/**
 * Which refs each pod must read for itself. A store says so in advance where it can tell; for others
 * it is learned from the first answer that carries a lease. That answer was read in common, so nobody gets it.
 */
export class LeasedRefs {
	readonly #learned = new LRUCache<string, true>({ max: maximumLearned });
	/** The keys of refs, each made once: plans are shared by many Mounts. */
	readonly #keys = new WeakMap<Ref, { readonly instanceKey: string; readonly key: string }>();

	has(instance: StoreInstance, ref: Ref): boolean {
		return ref.leased === true || (this.#learned.size > 0 && this.#learned.has(this.#keyOf(instance, ref)));
	}

	learn(instance: StoreInstance, ref: Ref): void {
		this.#learned.set(this.#keyOf(instance, ref), true);
	}

	#keyOf({ key: instanceKey }: StoreInstance, ref: Ref): string {
		const known = this.#keys.get(ref);
		if (known?.instanceKey === instanceKey) return known.key;
		const key = JSON.stringify([instanceKey, ref.key]);
		this.#keys.set(ref, { instanceKey, key });
		return key;
	}
}

export function hasLease(outcome: Outcome): boolean {
	return outcome.kind === "found" && outcome.lease !== undefined;
}
