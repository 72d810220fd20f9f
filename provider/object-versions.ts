import { createSecretKey, type KeyObject } from "node:crypto";
import type { PlannedObject } from "./plan/mount-plan.ts";
import { objectVersion } from "./shared/object-version.ts";
import type { Found } from "./stores/store.ts";

/** What the driver records for an optional object that is not there. */
const absentVersion = "absent";

/** The versions of objects, each computed once per value: a remount mostly meets the value of the last one. */
export class ObjectVersions {
	readonly #key: KeyObject;
	readonly #known = new WeakMap<PlannedObject, WeakMap<Found, string>>();

	/** @param key at least 32 bytes, equal on all nodes */
	constructor(key: Buffer) {
		this.#key = createSecretKey(key);
	}

	of(object: PlannedObject, found: Found | undefined): string {
		if (found === undefined) return absentVersion;
		const versions = this.#known.get(object) ?? new WeakMap<Found, string>();
		this.#known.set(object, versions);
		const version = versions.get(found) ?? objectVersion(this.#key, object.name, object.versionedContent?.(found) ?? found.value.reveal());
		versions.set(found, version);
		return version;
	}
}
