import type { Found } from "../stores/store.ts";

/** Values that were found, the one used last first. Holds secrets in base64: only for an encrypted file. */
export interface ValuesSnapshot {
	readonly version: 1;
	readonly values: readonly ValueSnapshot[];
}

export interface ValueSnapshot {
	/** Of identity and ref, as in memory. */
	readonly key: string;
	readonly structure: Found["structure"];
	readonly value: string;
	/** When the store was asked, in milliseconds of the epoch. */
	readonly askedAt: number;
}

/** The snapshot in a parsed file, or undefined when it is of another version or no snapshot. */
export function parseValues(value: unknown): ValuesSnapshot | undefined {
	return isSnapshot(value) ? value : undefined;
}

function isSnapshot(value: unknown): value is ValuesSnapshot {
	if (typeof value !== "object" || value === null || !("version" in value) || !("values" in value)) return false;
	return value.version === 1 && Array.isArray(value.values) && value.values.every(isValue);
}

function isValue(value: unknown): value is ValueSnapshot {
	if (typeof value !== "object" || value === null) return false;
	if (!("key" in value && "structure" in value && "value" in value && "askedAt" in value)) return false;
	const isKnownStructure = value.structure === "bytes" || value.structure === "json" || value.structure === "keys";
	return typeof value.key === "string" && isKnownStructure && typeof value.value === "string" && Number.isFinite(value.askedAt);
}
