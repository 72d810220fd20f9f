import type { PlannedObject } from "../plan/mount-plan.ts";
import type { Breaker } from "./breaker.ts";
import type { Held } from "./holdings.ts";

/** What becomes of the files of an object that the store has withdrawn. */
export type Verdict = "remove" | "keep";

/** Decides on objects that a volume holds and the store has withdrawn: absent and denied are the store's word, an outage never is. */
export class Revocation {
	readonly #breaker: Breaker;
	readonly #now: () => number;

	constructor(breaker: Breaker, now: () => number = () => performance.now()) {
		this.#breaker = breaker;
		this.#now = now;
	}

	/** @returns undefined where there is nothing to decide: the volume never held it, or its class does not say */
	judge(object: PlannedObject, held: Held | undefined): Verdict | undefined {
		const { onRevoked, name } = object;
		if (onRevoked === undefined || !held?.delivered.has(name)) return undefined;
		if (onRevoked.kind === "keep" || this.#breaker.isOpen()) return "keep";
		if (onRevoked.kind === "delete") return "remove";
		const now = this.#now();
		const since = held.withdrawnSince.get(name) ?? now;
		return now - since < onRevoked.seconds * 1000 ? "keep" : "remove";
	}
}
