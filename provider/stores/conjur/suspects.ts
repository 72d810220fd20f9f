import { LRUCache } from "lru-cache";
import type { Identity } from "../store.ts";
import type { ConjurRef } from "./ref.ts";

const maximumSuspects = 8192;

/**
 * Variables that the server did not give to an identity when it was last asked. One of them spoils a whole batch, so they are
 * asked for by themselves until they are given.
 */
export class Suspects {
	readonly #known = new LRUCache<string, true>({ max: maximumSuspects });

	has(identity: Identity, ref: ConjurRef): boolean {
		return this.#known.has(key(identity, ref));
	}

	note(identity: Identity, ref: ConjurRef, isRefused: boolean): void {
		if (isRefused) this.#known.set(key(identity, ref), true);
		else this.#known.delete(key(identity, ref));
	}
}

function key(identity: Identity, ref: ConjurRef): string {
	return JSON.stringify([identity.key, ref.full]);
}
