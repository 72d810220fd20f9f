import type { MountPlan, PlannedObject, PlannedStore } from "../plan/mount-plan.ts";
import type { StoreRegistry } from "../store-registry.ts";
import type { Holder, ObjectRemark } from "../stores/module.ts";

/** What a store says of an object of a plan without being asked. */
export interface PlacedRemark extends ObjectRemark {
	readonly object: PlannedObject;
}

/** @param isKnown whether a store's options are those that it has, and not assumed */
export async function inspectObjects(
	{ objects, stores }: MountPlan,
	holder: Holder,
	registry: StoreRegistry,
	isKnown: (store: PlannedStore) => boolean,
): Promise<readonly PlacedRemark[]> {
	const remarks = objects.map(async (object) => {
		const store = stores[object.store];
		if (store === undefined || !registry.types.includes(store.instance.type)) return [];
		const { inspect } = await registry.module(store.instance.type);
		const found = inspect?.(object.ref, holder, isKnown(store) ? store.instance : undefined) ?? [];
		return found.map((remark) => ({ ...remark, object }));
	});
	return (await Promise.all(remarks)).flat();
}
