import type { Faults } from "../../plan/faults.ts";
import { quote } from "../../plan/fields.ts";
import { pathCollision } from "../../shared/file-path.ts";
import { type AzureObject, makeObject, type ObjectSwitches } from "./object.ts";
import { checkEntry } from "./object-checks.ts";
import { readEntries } from "./object-entries.ts";

/** Reads the parameter `objects`, and checks all but the types. The result is of no use once there is any fault. */
export function readObjects(text: string, switches: ObjectSwitches, faults: Faults): readonly AzureObject[] {
	const entries = readEntries(text, faults);
	for (const entry of entries) checkEntry(entry, faults);
	const objects = entries.map((entry) => makeObject(entry, switches, faults));
	checkPaths(objects, faults);
	return objects;
}

/** How many versions of it the plan has; undefined for an object that is one version, and one file of its own name. */
export function versionsOf({ ref }: AzureObject): number | undefined {
	return ref.history === 0 ? undefined : ref.history;
}

/** The paths of the files that are known before the values are: those beside a certificate's come only with one. */
export function filesOf(object: AzureObject): readonly string[] {
	const { file } = object;
	const versions = versionsOf(object);
	return versions === undefined ? [file] : Array.from({ length: versions }, (_, index) => `${file}/${index}`);
}

/** The driver takes no answer of that many files, of whatever size. */
const maximumFiles = 5000;

/** Today's provider does not notice that two files have one path, and the driver keeps one of them. */
function checkPaths(objects: readonly AzureObject[], faults: Faults): void {
	const count = objects.reduce((sum, object) => sum + (versionsOf(object) ?? 1), 0);
	if (count > maximumFiles) {
		faults.add("objects.array", `makes ${count} files; ${maximumFiles} are made`, "Ask for shorter histories, or divide the class.");
		return;
	}
	const byPath = new Map<string, AzureObject>();
	for (const object of objects) {
		const known = filesOf(object).find((file) => byPath.has(file));
		if (known !== undefined && known !== "")
			report(object, `makes the file ${quote(known)}, as does ${byPath.get(known)?.entry.path}`, faults);
		for (const file of filesOf(object)) byPath.set(file, byPath.get(file) ?? object);
	}
	const collision = pathCollision([...byPath.keys()].filter((path) => path !== ""));
	if (collision === undefined) return;
	const [file, inside] = collision;
	const object = byPath.get(inside);
	const message = `makes the file ${quote(inside)}, and ${byPath.get(file)?.entry.path} a file where it needs a folder`;
	if (object !== undefined) report(object, message, faults);
}

function report({ entry: { path, objectAlias } }: AzureObject, message: string, faults: Faults): void {
	faults.add(`${path}.${objectAlias === "" ? "objectName" : "objectAlias"}`, message, "Give one of the two another objectAlias.");
}
