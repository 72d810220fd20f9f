import { askedOf, type Broker } from "../broker/broker.ts";
import type { Asked } from "../broker/reader.ts";
import type { PlannedObject } from "../plan/mount-plan.ts";
import type { Ref } from "../stores/store.ts";
import type { Holding } from "./holdings.ts";

/** One ref that volumes hold, as one identity. */
export interface Wanted {
	readonly key: string;
	readonly ref: Ref;
	/** With the token of the volume that was asked for last: kubelet brings a fresh one each time. */
	readonly asked: Asked;
	/** How long its value may be believed, in milliseconds. */
	readonly refreshMilliseconds: number;
}

/** One object of one volume, with the identity it is fetched as. */
export interface HeldObject {
	readonly holding: Holding;
	readonly object: PlannedObject;
	readonly asked: Asked;
	readonly key: string;
}

/** Every object of every volume. */
export function heldObjects(broker: Broker, holdings: readonly Holding[]): readonly HeldObject[] {
	return holdings.flatMap((holding) =>
		holding.plan.objects.flatMap((object) => {
			const asked = askedOf({ ...holding, podUid: holding.pod.uid }, object);
			return asked === undefined ? [] : [{ holding, object, asked, key: broker.keyOf(asked, object.ref) }];
		}),
	);
}

/** The refs behind the objects, each once. */
export function wantedRefs(objects: readonly HeldObject[], pollMilliseconds: number): readonly Wanted[] {
	const newestFirst = objects.toSorted((one, other) => other.holding.askedAt - one.holding.askedAt);
	const wanted = new Map<string, Wanted>();
	for (const { object, asked, key } of newestFirst) {
		const known = wanted.get(key);
		const refreshMilliseconds = Math.min(
			known?.refreshMilliseconds ?? pollMilliseconds,
			(object.refreshSeconds ?? Number.POSITIVE_INFINITY) * 1000,
		);
		wanted.set(key, { key, ref: object.ref, asked: known?.asked ?? asked, refreshMilliseconds });
	}
	return [...wanted.values()];
}
