import type { Faults } from "../../plan/faults.ts";
import { quote } from "../../plan/fields.ts";
import { maximumFileMode } from "../../shared/file-mode.ts";
import { filePathProblem } from "../../shared/file-path.ts";
import { readEncoding } from "../../shared/go-encoding.ts";
import { aboutObject } from "./legacy-texts.ts";
import type { AzureEntry } from "./object-entry.ts";
import { maximumHistory, objectNameForm, objectVersionForm } from "./ref.ts";

/** The path of an object's file; of a history, that of the folder of its versions. */
export function filePathOf({ objectAlias, objectName }: AzureEntry): string {
	return objectAlias || objectName;
}

/** The mode that a text of octal digits says; undefined for an empty text, or any other. */
export function modeOf(filePermission: string): number | undefined {
	const mode = /^[0-7]+$/.test(filePermission) ? Number.parseInt(filePermission, 8) : undefined;
	return mode !== undefined && mode <= maximumFileMode ? mode : undefined;
}

/** Notes what is wrong with one entry by itself, but for its type: first what today's provider notes, in its order and words. */
export function checkEntry(entry: AzureEntry, faults: Faults): void {
	checkFormat(entry, faults);
	checkEncoding(entry, faults);
	checkFile(entry, faults);
	checkObject(entry, faults);
	const { path, filePermission, objectVersionHistory } = entry;
	if (filePermission !== "" && modeOf(filePermission) === undefined)
		faults.add(
			`${path}.filePermission`,
			`is ${quote(filePermission)}, which is not a file mode`,
			"Write octal digits up to 0777, such as 0400.",
		);
	if (objectVersionHistory > maximumHistory)
		faults.add(
			`${path}.objectVersionHistory`,
			`is ${objectVersionHistory}`,
			`Write how many versions are wanted, ${maximumHistory} at most.`,
		);
}

/** Today's provider notes a type that is none after everything else, when it is about to read the object. */
export function checkType(entry: AzureEntry, faults: Faults): void {
	const { path, objectType } = entry;
	if (objectType === "secret" || objectType === "key" || objectType === "cert" || objectType === "decrypt") return;
	const text = "Invalid vaultObjectTypes. Should be secret, key, or cert";
	const message = objectType === "" ? "is missing" : `is ${quote(objectType)}`;
	faults.addLegacy(aboutObject(entry, text), `${path}.objectType`, message, "Write secret, key, cert or decrypt, in small letters.");
}

function checkFormat(entry: AzureEntry, faults: Faults): void {
	const { path, objectFormat, objectType } = entry;
	const format = objectFormat.toLowerCase();
	if (format !== "" && format !== "pem" && format !== "pfx") {
		const legacyText = aboutObject(entry, `invalid objectFormat: ${objectFormat}, should be PEM or PFX`);
		faults.addLegacy(legacyText, `${path}.objectFormat`, `is ${quote(objectFormat)}`, "Write pem or pfx.");
	} else if (objectFormat === "pfx" && objectType !== "secret") {
		const legacyText = aboutObject(entry, "PFX format only supported for objectType: secret");
		faults.addLegacy(legacyText, `${path}.objectFormat`, `is pfx in an entry of type ${quote(objectType)}`, "Write objectType: secret.");
	}
}

function checkEncoding(entry: AzureEntry, faults: Faults): void {
	const { path, objectEncoding, objectType } = entry;
	const field = `${path}.objectEncoding`;
	if (objectEncoding !== "" && objectType !== "secret") {
		const legacyText = aboutObject(entry, "objectEncoding only supported for objectType: secret");
		faults.addLegacy(legacyText, field, `stands in an entry of type ${quote(objectType)}`, "Remove it: keys and certificates are PEM.");
	} else if (readEncoding(objectEncoding) === undefined) {
		const legacyText = aboutObject(entry, `invalid objectEncoding: ${objectEncoding}, should be hex, base64 or utf-8`);
		faults.addLegacy(legacyText, field, `is ${quote(objectEncoding)}`, "Write utf-8, base64 or hex.");
	}
}

function checkFile(entry: AzureEntry, faults: Faults): void {
	const file = filePathOf(entry);
	const field = `${entry.path}.${entry.objectAlias === "" ? "objectName" : "objectAlias"}`;
	const legacyClause = legacyFileClause(file);
	const problem = filePathProblem(file) ?? (legacyClause === undefined ? undefined : "holds `..`");
	if (problem === undefined) return;
	const message = file === "" ? "is missing" : `makes the file ${quote(file)}, whose path ${problem}`;
	const remedy = file === "" ? "Write the object's name." : "Write an objectAlias that is a path inside the volume.";
	if (legacyClause === undefined) faults.add(field, message, remedy);
	else faults.addLegacy(aboutObject(entry, `file name must ${legacyClause}`), field, message, remedy);
}

function legacyFileClause(file: string): string | undefined {
	if (file === "") return "not be empty";
	if (file.startsWith("/")) return "be a relative path";
	return file.includes("..") ? "not contain '..'" : undefined;
}

/** Today's provider asks Key Vault for whatever is written. */
function checkObject({ path, objectName, objectAlias, objectVersion }: AzureEntry, faults: Faults): void {
	if (objectName === "") {
		if (objectAlias !== "") faults.add(`${path}.objectName`, "is missing", "Write the object's name.");
	} else if (!objectNameForm.test(objectName))
		faults.add(
			`${path}.objectName`,
			`is ${quote(objectName)}, which is no name in Key Vault`,
			"Write letters, digits and dashes, 127 at most.",
		);
	if (!objectVersionForm.test(objectVersion))
		faults.add(
			`${path}.objectVersion`,
			`is ${quote(objectVersion)}, which is no version`,
			"Write the 32 hexadecimal digits that Key Vault shows.",
		);
}
