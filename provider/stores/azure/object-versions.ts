import type { PlannedObject } from "../../plan/mount-plan.ts";
import { stringifyJson } from "../../shared/json.ts";
import type { Found } from "../store.ts";
import { kmsRefreshSeconds } from "./ciphertext.ts";
import type { AzureObject } from "./object.ts";
import { bundlesIn } from "./object-values.ts";
import { versionsOf } from "./objects.ts";

/** One version that the plan has an id for. */
interface Slot {
	readonly object: AzureObject;
	/** Which version of a history; undefined for the one version. */
	readonly index: number | undefined;
	/** What of the class goes into the files, so that the version moves with it. */
	readonly configurations: string[];
}

/**
 * The objects of a plan, by the ids that today's provider gives their versions. Entries that deliver one thing in
 * several forms share an id, as they do there. Of different versions of one thing under one id, the driver would keep
 * one: the second is told apart by its file.
 */
export class PlannedVersions {
	readonly #slots = new Map<string, Slot>();

	/** @returns the names of an object's versions in the plan, newest first */
	add(object: AzureObject): readonly string[] {
		const versions = versionsOf(object);
		if (versions === undefined) return [this.#claim(object, undefined)];
		return Array.from({ length: versions }, (_, index) => this.#claim(object, index));
	}

	get planned(): readonly PlannedObject[] {
		return [...this.#slots].map(([name, slot]) => plan(name, slot));
	}

	#claim(object: AzureObject, index: number | undefined): string {
		const { id, ref, file } = object;
		const configuration = configurationOf(object);
		const usual = index === undefined ? id : `${id}/${index}`;
		for (const name of [usual, `${usual}@${file}`]) {
			const slot = this.#slots.get(name);
			if (slot === undefined) this.#slots.set(name, { object, index, configurations: [configuration] });
			else if (slot.object.ref.key === ref.key) slot.configurations.push(configuration);
			else continue;
			return name;
		}
		throw new Error(`two objects of the file ${file}`);
	}
}

function configurationOf({ file, mode, encoding, staysPkcs12, separateFiles }: AzureObject): string {
	return JSON.stringify([file, mode ?? "", encoding, staysPkcs12, separateFiles]);
}

function plan(name: string, { object, index, configurations }: Slot): PlannedObject {
	return {
		name,
		path: object.entry.path,
		store: 0,
		ref: object.ref,
		optional: false,
		...(object.ref.kind === "ciphertext" ? { refreshSeconds: kmsRefreshSeconds } : {}),
		versionedContent: (found) => Buffer.concat([Buffer.from(`${configurations.join()}\n`), contentOf(found, index)]),
	};
}

/** Of a version that a thing does not have, its history being shorter, nothing. */
function contentOf(found: Found, index: number | undefined): Buffer {
	if (index === undefined) return found.value.reveal();
	const bundle = bundlesIn(found)[index];
	return bundle === undefined ? Buffer.alloc(0) : Buffer.from(stringifyJson(bundle));
}
