import type { Faults } from "../../plan/faults.ts";
import { quote } from "../../plan/fields.ts";
import { filePathProblem, pathCollision } from "../../shared/file-path.ts";
import { type GoYaml, GoYamlError, goMismatch, isGoNull, readGoYaml } from "../../shared/go-yaml.ts";
import { configurationPrefix, retrievalText } from "./legacy-texts.ts";

/** One pair of the list. */
export interface SecretEntry {
	/** Where it is written, such as `secrets[2]`. */
	readonly path: string;
	/** The file's path. */
	readonly file: string;
	/** The variable as written. */
	readonly variable: string;
}

/** The text of a list and where it stands. */
export interface SecretsSource {
	/** `secrets`, or the annotation's key. */
	readonly name: string;
	readonly text: string;
}

const maximumEntries = 1000;
const listRemedy = 'Write a list of pairs, as `- "file/path": variable/id`.';
const pathRemedy = "Write a path inside the volume.";

/** Reads and checks the list of files and variables. The result is of no use once there is any fault. */
export function readSecretsList({ name, text }: SecretsSource, faults: Faults): readonly SecretEntry[] {
	const items = readItems(name, text, faults);
	if (items === undefined) return [];
	const mismatches: string[] = [];
	const entries = items.flatMap((item, index) => readItem(item, `${name}[${index}]`, mismatches));
	if (mismatches.length > 0) {
		reportMismatches(name, mismatches, faults);
		return [];
	}
	if (entries.length === 0) faults.addLegacy(retrievalText("422 Unprocessable Entity. variable_ids."), name, "lists nothing", listRemedy);
	if (entries.length > maximumEntries) faults.add(name, `has ${entries.length} entries; ${maximumEntries} are read`, "Divide the class.");
	checkFiles(entries, faults);
	return entries;
}

function readItems(name: string, text: string, faults: Faults): readonly GoYaml[] | undefined {
	let list: GoYaml;
	try {
		list = readGoYaml(text);
	} catch (error) {
		if (!(error instanceof GoYamlError)) throw error;
		faults.addLegacy(yamlText(error.goText), name, `is not YAML as it is read here: ${error.message}`, listRemedy);
		return undefined;
	}
	if (isGoNull(list)) return [];
	if (list.kind === "sequence") return list.items;
	reportMismatches(name, [goMismatch(list, "[]map[string]string")], faults);
	return undefined;
}

function readItem(item: GoYaml, path: string, mismatches: string[]): readonly SecretEntry[] {
	if (isGoNull(item)) return [];
	if (item.kind !== "mapping") {
		mismatches.push(goMismatch(item, "map[string]string"));
		return [];
	}
	return [...item.entries].flatMap(([file, node]) => {
		if (node.kind === "scalar") return [{ path, file, variable: isGoNull(node) ? "" : node.text }];
		mismatches.push(goMismatch(node, "string"));
		return [];
	});
}

function reportMismatches(name: string, problems: readonly string[], faults: Faults): void {
	const legacyText = yamlText(`yaml: unmarshal errors:\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
	for (const problem of problems) faults.addLegacy(legacyText, name, `has the wrong type (${problem})`, listRemedy);
}

function yamlText(problem: string): string {
	return `${configurationPrefix}CKCP011 Failed to unmarshal secrets spec: CKCP033 Failed to unmarshal YAML: ${problem}`;
}

/** Today's provider checks no path, and hands two files of one path on, of which the driver keeps one. */
function checkFiles(entries: readonly SecretEntry[], faults: Faults): void {
	const byFile = new Map<string, SecretEntry>();
	for (const entry of entries) {
		const problem = filePathProblem(entry.file);
		if (problem !== undefined) {
			faults.add(entry.path, `writes to ${quote(entry.file)}: the path ${problem}`, pathRemedy);
			continue;
		}
		const earlier = byFile.get(entry.file);
		if (earlier === undefined) byFile.set(entry.file, entry);
		else faults.add(entry.path, `writes to ${quote(entry.file)}, as ${earlier.path} does`, "Give one of the two another path.");
	}
	const [file, folder] = pathCollision([...byFile.keys()]) ?? [];
	if (file === undefined || folder === undefined) return;
	const [first, second] = [byFile.get(file)?.path ?? "", byFile.get(folder)?.path ?? ""];
	faults.add(first, `writes to ${quote(file)}, where ${second} needs a folder for ${quote(folder)}`, "Give one of the two another path.");
}
