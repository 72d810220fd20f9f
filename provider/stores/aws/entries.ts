import type { Faults } from "../../plan/faults.ts";
import { GoJsonFields, goJsonKind, isGoJsonNull } from "../../shared/go-json-fields.ts";
import { type GoMapping, type GoYaml, GoYamlError, readGoYaml } from "../../shared/go-yaml.ts";
import { type AwsEntry, readEntry } from "./entry.ts";

/** How today's provider calls an entry's type, and how all its texts about the parameter begin. */
const goPackage = "provider";
const goType = "SecretDescriptor";
const legacyPrefix = "Failed to load SecretProviderClass: ";

/** More than any volume has; each costs time before anything is known of its use. */
const maximumFiles = 1000;
const listRemedy = "Write a list of mappings, as `- objectName: …`.";

/** An entry, or nothing where a list has a dash and nothing behind it. */
export interface ListedEntry {
	readonly path: string;
	readonly entry: AwsEntry | undefined;
}

/** Reads the parameter `objects`. @returns undefined when it cannot be read as a whole: then nothing is to be said of single entries */
export function readEntries(text: string, faults: Faults): readonly ListedEntry[] | undefined {
	const list = readList(text, faults);
	if (list === undefined) return undefined;
	if (list.length === 0) {
		faults.add("objects", "is missing or lists nothing", "List at least one object: the driver takes no mount without.");
		return undefined;
	}
	const mismatches = new Mismatches(faults);
	const entries = list.map((node, index) => readListed(node, `objects[${index}]`, mismatches));
	const files = entries.reduce((sum, { entry }) => sum + 1 + (entry?.jmesPath.length ?? 0), 0);
	if (files > maximumFiles) faults.add("objects", `makes ${files} files; ${maximumFiles} are made`, "Divide the class.");
	return mismatches.any || files > maximumFiles ? undefined : entries;
}

function readList(text: string, faults: Faults): readonly GoYaml[] | undefined {
	let list: GoYaml;
	try {
		list = readGoYaml(text);
	} catch (error) {
		if (!(error instanceof GoYamlError)) throw error;
		const legacyText = `${legacyPrefix}error converting YAML to JSON: ${error.goText}`;
		faults.addLegacy(legacyText, "objects", `is not YAML as it is read here: ${error.message}`, listRemedy);
		return undefined;
	}
	if (isGoJsonNull(list)) return [];
	if (list.kind === "sequence") return list.items;
	const problem = `json: cannot unmarshal ${goJsonKind(list)} into Go value of type []*${goPackage}.${goType}`;
	new Mismatches(faults).add("objects", problem);
	return undefined;
}

function readListed(node: GoYaml, path: string, mismatches: Mismatches): ListedEntry {
	if (node.kind === "mapping") return { path, entry: readEntry(fieldsOf(node, path, mismatches)) };
	if (!isGoJsonNull(node)) mismatches.add(path, `json: cannot unmarshal ${goJsonKind(node)} into Go value of type ${goPackage}.${goType}`);
	return { path, entry: undefined };
}

function fieldsOf(mapping: GoMapping, path: string, mismatches: Mismatches): GoJsonFields {
	return new GoJsonFields(mapping, {
		path,
		package: goPackage,
		type: goType,
		above: "",
		report: (field, problem) => mismatches.add(field, problem),
	});
}

/** Values of types that their fields do not take. */
class Mismatches {
	readonly #faults: Faults;
	any = false;

	constructor(faults: Faults) {
		this.#faults = faults;
	}

	add(path: string, problem: string): void {
		this.any = true;
		const legacyText = `${legacyPrefix}error unmarshaling JSON: while decoding JSON: ${problem}`;
		this.#faults.addLegacy(legacyText, path, `has the wrong shape (${problem})`, listRemedy);
	}
}
