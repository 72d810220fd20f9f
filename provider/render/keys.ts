import { parseJson } from "../shared/json.ts";
import type { Found } from "../stores/store.ts";

const known = new WeakMap<Found, ReadonlyMap<string, Buffer>>();

/** The keys of a value of the structure `keys`, in its order, each with its bytes; undefined for any other value. */
export function keysOf(found: Found): ReadonlyMap<string, Buffer> | undefined {
	if (found.structure !== "keys") return undefined;
	const keys = known.get(found) ?? decode(found);
	known.set(found, keys);
	return keys;
}

/** The store has made the text, so nothing of it is checked again. */
function decode(found: Found): ReadonlyMap<string, Buffer> {
	const members = Object.entries(parseJson(found.value.reveal().toString("latin1")) ?? {});
	return new Map(members.map(([key, text]) => [key, Buffer.from(String(text), "base64")]));
}
