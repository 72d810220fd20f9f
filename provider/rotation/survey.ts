import type { Broker } from "../broker/broker.ts";
import type { StoreInstance } from "../stores/store.ts";
import { type Holding, revokedVersion } from "./holdings.ts";
import { type HeldObject, heldObjects } from "./wanted.ts";

/** How the volumes of a node stand; for metrics. */
export interface RotationSurvey {
	readonly volumes: number;
	/** Those that hold something else than they would get now. */
	readonly behind: number;
	readonly removalsHeldBack: boolean;
	/** Milliseconds since the store of each instance, by its key, confirmed the oldest value that volumes hold. */
	readonly ages: ReadonlyMap<string, { readonly instance: StoreInstance; readonly milliseconds: number }>;
}

export interface SurveyOptions {
	readonly broker: Broker;
	readonly holdings: readonly Holding[];
	readonly removalsHeldBack: boolean;
	/** By the broker's clock. */
	readonly now: number;
	isBehind(held: HeldObject): boolean;
}

export function surveyVolumes({ broker, holdings, removalsHeldBack, now, isBehind }: SurveyOptions): RotationSurvey {
	const ages = new Map<string, { instance: StoreInstance; milliseconds: number }>();
	const behind = new Set<Holding>();
	for (const held of heldObjects(broker, holdings)) {
		if (isBehind(held)) behind.add(held.holding);
		const known = broker.known(held.asked, held.object.ref);
		if (known === undefined || held.holding.delivered.get(held.object.name) === revokedVersion) continue;
		const { instance } = held.asked.store;
		const milliseconds = Math.max(ages.get(instance.key)?.milliseconds ?? 0, now - known.askedAt);
		ages.set(instance.key, { instance, milliseconds });
	}
	return { volumes: holdings.length, behind: behind.size, removalsHeldBack, ages };
}
