import type { Faults } from "../../plan/faults.ts";
import { quote } from "../../plan/fields.ts";
import { pathCollision } from "../../shared/file-path.ts";
import { type GoMapping, type GoYaml, GoYamlError, goMismatch, isGoNull, readGoYaml } from "../../shared/go-yaml.ts";
import { type Finding, type Mismatch, readObject, type VaultObject } from "./object.ts";

/** The parameter `objects`, read. */
export interface ObjectList {
	/** False when the text as a whole could not be read: then nothing more is to be said about its entries. */
	readonly readable: boolean;
	readonly objects: readonly VaultObject[];
	/** What today's provider meets only while it reads the secrets, or never. */
	readonly findings: readonly Finding[];
}

const maximumObjects = 1000;
const unreadable: ObjectList = { readable: false, objects: [], findings: [] };

/** Reads the parameter. Only faults of YAML are noted now; {@link checkObjects} and the findings come later in today's order. */
export function readObjects(text: string, faults: Faults): ObjectList {
	const items = readItems(text, faults);
	if (items === undefined) return unreadable;
	if (items.length > maximumObjects) {
		faults.add("objects", `has ${items.length} entries; ${maximumObjects} are read`, "Split the SecretProviderClass.");
		return unreadable;
	}
	const mismatches: Mismatch[] = [];
	const findings: Finding[] = [];
	const objects = items.flatMap((item, index) => {
		const path = `objects[${index}]`;
		const mapping = asMapping(item, path, mismatches);
		return mapping === undefined ? [] : [readObject(mapping, path, mismatches, findings)];
	});
	reportMismatches(mismatches, faults);
	return { readable: mismatches.length === 0, objects, findings };
}

/** Faults of the list as a whole. */
export function checkObjects({ readable, objects }: ObjectList, faults: Faults): void {
	if (!readable) return;
	if (objects.length === 0) {
		const legacyText = "no secrets configured - the provider will not read any secret material";
		faults.addLegacy(legacyText, "objects", "is missing or lists nothing", "List at least one object.");
	}
	const names = objects.map((object) => object.name);
	const repeated = [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
	if (repeated.length > 0) {
		const legacyText = `each \`objectName\` within a SecretProviderClass must be unique, but the following keys were duplicated: ${repeated.join(", ")}`;
		faults.addLegacy(legacyText, "objects", `has several entries named ${repeated.map(quote).join(", ")}`, "Give each objectName once.");
		return;
	}
	const collision = pathCollision(names);
	if (collision === undefined) return;
	const [file, folder] = collision.map(quote);
	faults.add("objects", `has both ${file} and ${folder}: one path cannot be a file and a folder`, "Rename one of them.");
}

function readItems(text: string, faults: Faults): readonly GoYaml[] | undefined {
	let list: GoYaml;
	try {
		list = readGoYaml(text);
	} catch (error) {
		if (!(error instanceof GoYamlError)) throw error;
		faults.addLegacy(error.goText, "objects", `is not YAML as it is read here: ${error.message}`, "Write a plain list of mappings.");
		return undefined;
	}
	if (isGoNull(list)) return [];
	if (list.kind === "sequence") return list.items;
	reportMismatches([{ path: "objects", problem: goMismatch(list, "[]config.Secret") }], faults);
	return undefined;
}

/** Entries that are null are passed over, as Go's YAML does. */
function asMapping(item: GoYaml, path: string, mismatches: Mismatch[]): GoMapping | undefined {
	if (item.kind === "mapping") return item;
	if (!isGoNull(item)) mismatches.push({ path, problem: goMismatch(item, "config.Secret") });
	return undefined;
}

function reportMismatches(mismatches: readonly Mismatch[], faults: Faults): void {
	const legacyText = `yaml: unmarshal errors:\n${mismatches.map(({ problem }) => `  ${problem}`).join("\n")}`;
	for (const { path, problem } of mismatches)
		faults.addLegacy(
			legacyText,
			path,
			`has the wrong type (${problem})`,
			"Write objects as a list of mappings, texts and modes unquoted numbers.",
		);
}
