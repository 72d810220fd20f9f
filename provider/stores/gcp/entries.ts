import type { Faults } from "../../plan/faults.ts";
import { quote } from "../../plan/fields.ts";
import { maximumFileMode } from "../../shared/file-mode.ts";
import { filePathProblem, pathCollision } from "../../shared/file-path.ts";
import { type GoYaml, GoYamlError, goMismatch, isGoNull, readGoYaml } from "../../shared/go-yaml.ts";
import { fileOf, type GcpEntry, legacyEntry, type Mismatch, readEntry } from "./entry.ts";

const maximumEntries = 1000;
const legacyPrefix = "failed to unmarshal secrets attribute: ";
const listRemedy = "Write a list of mappings, as `- resourceName: …`.";
const pathRemedy = "Give the entry a path inside the volume.";

/** Reads and checks the parameter `secrets`. The result is of no use once there is any fault. */
export function readEntries(text: string | undefined, faults: Faults): readonly GcpEntry[] {
	if (text === undefined) {
		faults.addLegacy("missing required 'secrets' attribute", "secrets", "is missing", listRemedy);
		return [];
	}
	const items = readItems(text, faults);
	if (items === undefined) return [];
	if (items.length === 0 || items.length > maximumEntries) {
		const message = items.length === 0 ? "lists nothing" : `has ${items.length} entries; ${maximumEntries} are read`;
		faults.add("secrets", message, items.length === 0 ? "List at least one: the driver takes no mount without." : "Divide the class.");
		return [];
	}
	const mismatches: Mismatch[] = [];
	const entries = items.flatMap((item, index) => readItem(item, `secrets[${index}]`, mismatches, faults));
	reportMismatches(mismatches, faults);
	for (const entry of mismatches.length > 0 ? [] : entries) checkEntry(entry, faults);
	if (mismatches.length === 0) checkPaths(entries, faults);
	return entries;
}

function readItems(text: string, faults: Faults): readonly GoYaml[] | undefined {
	let list: GoYaml;
	try {
		list = readGoYaml(text);
	} catch (error) {
		if (!(error instanceof GoYamlError)) throw error;
		faults.addLegacy(`${legacyPrefix}${error.goText}`, "secrets", `is not YAML as it is read here: ${error.message}`, listRemedy);
		return undefined;
	}
	if (isGoNull(list)) return [];
	if (list.kind === "sequence") return list.items;
	reportMismatches([{ path: "secrets", problem: goMismatch(list, "[]*config.Secret") }], faults);
	return undefined;
}

function readItem(item: GoYaml, path: string, mismatches: Mismatch[], faults: Faults): readonly GcpEntry[] {
	if (item.kind === "mapping") return [readEntry(item, path, mismatches)];
	// Today's provider does not survive a list with a dash and nothing behind it.
	if (isGoNull(item)) faults.add(path, "is empty", "Remove the dash, or describe a secret behind it.");
	else mismatches.push({ path, problem: goMismatch(item, "config.Secret") });
	return [];
}

function reportMismatches(mismatches: readonly Mismatch[], faults: Faults): void {
	const legacyText = `${legacyPrefix}yaml: unmarshal errors:\n${mismatches.map(({ problem }) => `  ${problem}`).join("\n")}`;
	for (const { path, problem } of mismatches)
		faults.addLegacy(legacyText, path, `has the wrong type (${problem})`, "Write texts, and modes as unquoted numbers such as 0400.");
}

/** What is wrong with one entry besides the name of its resource. */
function checkEntry(entry: GcpEntry, faults: Faults): void {
	const { path, mode, jsonKey, yamlKey } = entry;
	const problem = filePathProblem(fileOf(entry));
	if (fileOf(entry) === "") faults.add(path, "has neither path nor fileName", pathRemedy);
	else if (problem !== undefined) faults.add(namedAt(entry), problem, pathRemedy);
	if (mode > maximumFileMode) faults.add(`${path}.mode`, `is ${mode}, more than octal 0777`, "Write an octal number such as 0400.");
	if (jsonKey !== "" && yamlKey !== "") {
		const legacyText = legacyEntry(entry, "both ExtractJSONKey and ExtractYAMLKey can't be simultaneously non empty strings");
		faults.addLegacy(legacyText, `${path}.extractYAMLKey`, "stands beside extractJSONKey", "Keep one of them.");
	}
}

function namedAt({ path, filePath }: GcpEntry): string {
	return filePath === "" ? `${path}.fileName` : `${path}.path`;
}

/** Today's provider hands two files of one path on, and the driver keeps one of them. */
function checkPaths(entries: readonly GcpEntry[], faults: Faults): void {
	const byFile = new Map<string, GcpEntry>();
	for (const entry of entries) {
		const file = fileOf(entry);
		const earlier = byFile.get(file);
		if (earlier === undefined) byFile.set(file, entry);
		else if (file !== "")
			faults.add(namedAt(entry), `is ${quote(file)}, as is that of ${earlier.path}`, "Give one of the two another path.");
	}
	const collision = pathCollision([...byFile.keys()].filter((file) => file !== ""));
	if (collision === undefined) return;
	const [file, folder] = collision;
	const [first, second] = [byFile.get(file), byFile.get(folder)];
	if (first === undefined || second === undefined) return;
	faults.add(
		namedAt(first),
		`is ${quote(file)}, where ${second.path} needs a folder for ${quote(folder)}`,
		"Give one of the two another path.",
	);
}
