import type { Broker } from "../broker/broker.ts";
import type { Census } from "./breaker.ts";
import { revokedVersion } from "./holdings.ts";
import type { HeldObject } from "./wanted.ts";

export interface CensusOptions {
	readonly broker: Broker;
	readonly objects: readonly HeldObject[];
	readonly now: number;
	/** What was withdrawn longer ago than this does not count any more, in milliseconds. */
	readonly windowMilliseconds: number;
}

/**
 * Counts the distinct refs of a node. Those whose files have already gone count for a while as well:
 * secrets that vanish one after the other vanish together all the same.
 */
export function takeCensus({ broker, objects, now, windowMilliseconds }: CensusOptions): Census {
	const held = new Set<string>();
	const withdrawn = new Set<string>();
	for (const { key, object, holding, asked } of objects) {
		const since = holding.withdrawnSince.get(object.name);
		const isRemoved = holding.delivered.get(object.name) === revokedVersion;
		if (isRemoved && (since === undefined || now - since > windowMilliseconds)) continue;
		held.add(key);
		const known = broker.known(asked, object.ref);
		if (isRemoved || (known !== undefined && known.outcome.kind !== "found")) withdrawn.add(key);
	}
	return { held: held.size, withdrawn: withdrawn.size };
}
