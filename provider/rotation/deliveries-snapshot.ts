/** What volumes hold, by versions. */
export interface DeliveriesSnapshot {
	readonly version: 1;
	readonly volumes: readonly DeliverySnapshot[];
}

export interface DeliverySnapshot {
	/** Of provider, pod, service account and target path, as in memory. */
	readonly key: string;
	readonly podUid: string;
	/** Versions by object name. */
	readonly delivered: Pairs<string>;
	/** Milliseconds of the epoch, by object name. */
	readonly withdrawnSince: Pairs<number>;
}

type Pairs<Value> = readonly (readonly [string, Value])[];

/** The snapshot in a parsed file, or undefined when it is of another version or no snapshot. */
export function parseDeliveries(value: unknown): DeliveriesSnapshot | undefined {
	return isSnapshot(value) ? value : undefined;
}

function isSnapshot(value: unknown): value is DeliveriesSnapshot {
	if (typeof value !== "object" || value === null || !("version" in value) || !("volumes" in value)) return false;
	return value.version === 1 && Array.isArray(value.volumes) && value.volumes.every(isDelivery);
}

function isDelivery(value: unknown): value is DeliverySnapshot {
	if (typeof value !== "object" || value === null) return false;
	if (!("key" in value && "podUid" in value && "delivered" in value && "withdrawnSince" in value)) return false;
	if (typeof value.key !== "string" || typeof value.podUid !== "string") return false;
	return isPairs(value.delivered, (version) => typeof version === "string") && isPairs(value.withdrawnSince, Number.isFinite);
}

function isPairs(value: unknown, fits: (value: unknown) => boolean): boolean {
	return Array.isArray(value) && value.every((pair) => Array.isArray(pair) && typeof pair[0] === "string" && fits(pair[1]));
}
