import type { Faults } from "../../plan/faults.ts";
import { quote } from "../../plan/fields.ts";
import { pathCollision } from "../../shared/file-path.ts";
import { readEntries } from "./entries.ts";
import type { AwsEntry } from "./entry.ts";
import { checkEntry } from "./entry-checks.ts";
import { Duplicates } from "./entry-duplicates.ts";
import { type AwsFile, type AwsObject, makeObject } from "./object.ts";
import type { AwsParameters } from "./parameters.ts";

/** Reads and checks the parameter `objects`. The result is of no use once there is any fault. */
export function readObjects(text: string, parameters: AwsParameters, faults: Faults): readonly AwsObject[] {
	const fresh = checkEntries(text, parameters, faults);
	const objects = fresh.map((entry) => makeObject(entry, parameters, faults));
	checkPaths(
		objects.flatMap(({ files }) => files),
		faults,
	);
	return objects;
}

/** @returns the entries that are not the same as an earlier one, which has been noted */
function checkEntries(text: string, { instance, translation }: AwsParameters, faults: Faults): readonly AwsEntry[] {
	const { region, failoverRegion } = instance;
	const duplicates = new Duplicates(faults);
	return (readEntries(text, faults) ?? []).flatMap(({ path, entry }) => {
		if (entry === undefined) {
			faults.addLegacy(
				"Empty descriptor entry in SecretProviderClass",
				path,
				"is empty",
				"Remove the dash, or describe an object behind it.",
			);
			return [];
		}
		checkEntry(entry, { region, failoverRegion, translation }, faults);
		return duplicates.isNew(entry) ? [entry] : [];
	});
}

/** Today's provider does not notice that two files have one path, and mounts one of them. */
function checkPaths(files: readonly AwsFile[], faults: Faults): void {
	const byPath = new Map<string, AwsFile>();
	for (const written of files) {
		const earlier = byPath.get(written.file);
		if (earlier === undefined) byPath.set(written.file, written);
		else if (written.file !== "") {
			const message = `makes the file ${quote(written.file)}, as does ${earlier.namedAt}`;
			faults.add(written.namedAt, message, "Give one of the two another objectAlias.");
		}
	}
	const collision = pathCollision([...byPath.keys()].filter((path) => path !== ""));
	if (collision === undefined) return;
	const [file, folder] = collision;
	const message = `makes the file ${quote(file)}, where ${byPath.get(folder)?.namedAt} needs a folder for ${quote(folder)}`;
	faults.add(byPath.get(file)?.namedAt ?? "objects", message, "Give one of the two another objectAlias.");
}
