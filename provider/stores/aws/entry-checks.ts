import type { Faults } from "../../plan/faults.ts";
import { quote } from "../../plan/fields.ts";
import { maximumFileMode } from "../../shared/file-mode.ts";
import { filePathProblem } from "../../shared/file-path.ts";
import type { AwsEntry, FailoverEntry, JmesEntry } from "./entry.ts";
import { checkName, typeOf } from "./entry-names.ts";
import { climbs, type PathTranslation, translatePath } from "./names.ts";

/** What entries are checked against. */
export interface EntryPlace {
	/** Empty: the node's, which nobody knows yet. */
	readonly region: string;
	readonly failoverRegion: string | undefined;
	readonly translation: PathTranslation;
}

/** The path of the object's own file. */
export function filePathOf({ objectAlias, objectName }: AwsEntry, translation: PathTranslation): string {
	return translatePath(objectAlias || objectName, translation);
}

/** Where that path is written. */
export function filePlaceOf({ path, objectAlias }: AwsEntry): string {
	return objectAlias === "" ? `${path}.objectName` : `${path}.objectAlias`;
}

/** The mode that a text says; undefined: the request's default. */
export function modeOf(filePermission: string): number | undefined {
	return filePermission === "" ? undefined : Number.parseInt(filePermission, 8);
}

/**
 * Notes all that is wrong with one entry by itself. Those faults that today's provider notes, too, come in its order,
 * with its words.
 */
export function checkEntry(entry: AwsEntry, place: EntryPlace, faults: Faults): void {
	const { path, objectName, failover } = entry;
	if (objectName === "")
		faults.addLegacy("Object name must be specified", `${path}.objectName`, "is missing", "Write the secret's or parameter's name.");
	else checkName({ entry, name: objectName, path: `${path}.objectName`, region: place.region }, faults);
	checkVersion(entry, entry, path, faults);
	if (objectName !== "" || entry.objectAlias !== "") checkFile(entry, place.translation, faults);
	checkMode(entry.filePermission, path, faults);
	for (const jmes of entry.jmesPath) checkJmes(jmes, place.translation, faults);
	if (typeOf(entry) === "kms") checkPlaceless(entry, faults);
	else if (failover.objectName !== "") checkFailover(entry, failover, place, faults);
}

/** An encrypted value lies in the class, so there is no place and no version of it to name. */
function checkPlaceless({ path, objectVersion, objectVersionLabel, failover }: AwsEntry, faults: Faults): void {
	const written = {
		objectVersion,
		objectVersionLabel,
		"failoverObject.objectName": failover.objectName,
		"failoverObject.objectVersion": failover.objectVersion,
		"failoverObject.objectVersionLabel": failover.objectVersionLabel,
	};
	for (const [field, text] of Object.entries(written))
		if (text !== "") faults.add(`${path}.${field}`, "stands in an entry of type kms", "Remove it: the value lies in the entry itself.");
}

function checkVersion(entry: AwsEntry, versions: FailoverEntry | AwsEntry, path: string, faults: Faults): void {
	const { objectVersion, objectVersionLabel } = versions;
	if (typeOf(entry) !== "ssmparameter" || objectVersion === "" || objectVersionLabel === "") return;
	faults.addLegacy(
		`ssm parameters can not specify both objectVersion and objectVersionLabel: ${entry.objectName}`,
		`${path}.objectVersionLabel`,
		"stands beside objectVersion",
		"Keep one of them: each names one version of the parameter.",
	);
}

function checkFile(entry: AwsEntry, translation: PathTranslation, faults: Faults): void {
	const file = filePathOf(entry, translation);
	const place = filePlaceOf(entry);
	const problem = filePathProblem(file);
	const remedy = "Give the object an objectAlias that is a path inside the volume.";
	const shown = `makes the file ${quote(file)}, whose path ${problem ?? "leaves the volume"}`;
	if (climbs(file)) faults.addLegacy(`path can not contain ../: ${entry.objectName}`, place, shown, remedy);
	else if (problem !== undefined) faults.add(place, shown, remedy);
}

function checkMode(filePermission: string, path: string, faults: Faults): void {
	if (filePermission === "") return;
	const field = `${path}.filePermission`;
	if (!/^[0-7]{4}$/.test(filePermission))
		faults.addLegacy(
			`Invalid File Permission: ${filePermission}`,
			field,
			`is ${quote(filePermission)} as YAML reads it`,
			'Write four octal digits in quotes, such as "0400": without quotes YAML takes 0400 for the number 256.',
		);
	else if (Number.parseInt(filePermission, 8) > maximumFileMode)
		faults.add(field, `is ${filePermission}, more than 0777`, "The driver takes no other bits; start with 0.");
}

function checkJmes(jmes: JmesEntry, translation: PathTranslation, faults: Faults): void {
	const { path, expression, objectAlias } = jmes;
	if (expression === "")
		faults.addLegacy(
			"Path must be specified for JMES object",
			`${path}.path`,
			"is missing",
			"Write a JMESPath expression, such as username.",
		);
	if (objectAlias === "")
		faults.addLegacy("Object alias must be specified for JMES object", `${path}.objectAlias`, "is missing", "Name the file.");
	else checkJmesFile(translatePath(objectAlias, translation), path, faults);
	checkMode(jmes.filePermission, path, faults);
}

function checkJmesFile(file: string, path: string, faults: Faults): void {
	const problem = filePathProblem(file);
	if (problem === undefined) return;
	faults.add(`${path}.objectAlias`, `makes the file ${quote(file)}, whose path ${problem}`, "Write a path inside the volume.");
}

function checkFailover(entry: AwsEntry, failover: FailoverEntry, place: EntryPlace, faults: Faults): void {
	const { objectName } = entry;
	const path = `${entry.path}.failoverObject`;
	if (entry.objectAlias === "")
		faults.addLegacy(
			`object alias must be specified for objects with failover entries: ${objectName}`,
			`${entry.path}.objectAlias`,
			"is missing beside failoverObject",
			"Name the file, which is one and the same for both regions.",
		);
	if (place.failoverRegion === undefined)
		faults.addLegacy(
			`failover object allowed only when failover region is defined: ${objectName}`,
			path,
			"stands without failoverRegion",
			"Write the parameter failoverRegion, or remove it.",
		);
	// An objectType that is wrong has been noted.
	else if (entry.objectType === "" || typeOf(entry) !== undefined)
		checkName({ entry, name: failover.objectName, path: `${path}.objectName`, region: place.failoverRegion }, faults);
	checkVersion(entry, failover, path, faults);
	if (failover.objectVersion === entry.objectVersion) return;
	faults.addLegacy(
		`object versions must match between primary and failover regions: ${objectName}`,
		`${path}.objectVersion`,
		`is ${quote(failover.objectVersion)}, and that of the object ${quote(entry.objectVersion)}`,
		"Write the same version, or none.",
	);
}
