import type { Faults } from "../../plan/faults.ts";
import { quote } from "../../plan/fields.ts";
import type { AwsEntry, JmesEntry } from "./entry.ts";

const remedy = "Remove one of the two, or give it another objectAlias.";

/** What today's provider notes of entries that are the same. It knows nothing of file paths, so the paths are compared later. */
export class Duplicates {
	readonly #faults: Faults;
	/** Only the last entry of a name is compared with. */
	readonly #byName = new Map<string, AwsEntry>();
	readonly #places = new Map<string, string>();

	constructor(faults: Faults) {
		this.#faults = faults;
	}

	/** @returns false when the entry is the same as an earlier one, which has then been noted */
	isNew(entry: AwsEntry): boolean {
		const isSame = this.#isSameObject(entry) || this.#hasSameAlias(entry);
		const sameParts = entry.jmesPath.filter((jmes) => this.#hasSameJmesAlias(jmes));
		return !isSame && sameParts.length === 0;
	}

	#isSameObject(entry: AwsEntry): boolean {
		const { path, objectName, objectAlias, objectVersionLabel } = entry;
		const earlier = this.#byName.get(objectName);
		this.#byName.set(objectName, entry);
		if (objectName === "" || earlier?.objectAlias !== objectAlias || earlier.objectVersionLabel !== objectVersionLabel) return false;
		const alias = objectAlias === "" ? "no object alias" : `duplicate object alias ${objectAlias}`;
		const label = objectVersionLabel === "" ? "no version label" : `duplicate version label ${objectVersionLabel}`;
		const legacyText = `found descriptor with duplicate object name ${objectName}, ${alias}, and ${label}`;
		this.#faults.addLegacy(legacyText, `${path}.objectName`, `is ${quote(objectName)}, as is that of ${earlier.path}`, remedy);
		return true;
	}

	#hasSameAlias({ path, objectAlias }: AwsEntry): boolean {
		const earlier = this.#earlier(objectAlias, path);
		if (earlier === undefined) return false;
		const message = `is ${quote(objectAlias)}, as is that of ${earlier}`;
		this.#faults.addLegacy(`found duplicate object alias ${objectAlias}`, `${path}.objectAlias`, message, remedy);
		return true;
	}

	#hasSameJmesAlias({ path, objectAlias, expression }: JmesEntry): boolean {
		const earlier = this.#earlier(objectAlias, path);
		if (earlier === undefined) return false;
		const legacyText = `Name already in use for objectAlias: found duplicate object alias ${objectAlias} in JMES path entry ${expression}`;
		this.#faults.addLegacy(legacyText, `${path}.objectAlias`, `is ${quote(objectAlias)}, as is that of ${earlier}`, remedy);
		return true;
	}

	#earlier(alias: string, path: string): string | undefined {
		const earlier = alias === "" ? undefined : this.#places.get(alias);
		if (earlier === undefined) this.#places.set(alias, path);
		return earlier;
	}
}
