import type { Faults } from "../../plan/faults.ts";
import { type GoMapping, type GoYaml, GoYamlError, goMismatch, isGoNull, readGoYaml } from "../../shared/go-yaml.ts";
import { mountPrefix } from "./legacy-texts.ts";
import { type AzureEntry, readEntry } from "./object-entry.ts";

/** How today's provider calls the types that the texts are read into. */
const [listType, entryType] = ["types.StringArray", "types.KeyVaultObject"];
const maximumEntries = 1000;
const listRemedy = "Write `array:` and below it a list of texts, each beginning with `- |`.";
const entryRemedy = "Write `name: value` lines below `- |`.";

/** Reads the parameter `objects`: YAML whose list `array` holds texts, each the YAML of one object. Without any object it is at fault, too. */
export function readEntries(text: string, faults: Faults): readonly AzureEntry[] {
	if (text === "") {
		faults.addLegacy(`${mountPrefix}objects is not set`, "objects", "is missing", "List the secrets, keys and certificates.");
		return [];
	}
	const listed = readList(text, faults);
	if (listed === undefined) return [];
	if (listed.length === 0) {
		faults.add("objects", "lists nothing", "List at least one object: the driver takes no mount without.");
		return [];
	}
	if (listed.length > maximumEntries) {
		faults.add("objects.array", `has ${listed.length} entries; ${maximumEntries} are read`, "Divide the class.");
		return [];
	}
	return listed.flatMap((entry, index) => readListed(entry, index, faults) ?? []);
}

/** What one YAML text does not fit into. Go's YAML goes on to its end, and tells all of it at once. */
class Mismatches {
	readonly #faults: Faults;
	readonly #legacyPrefix: string;
	readonly #list: { readonly path: string; readonly problem: string; readonly remedy: string }[] = [];

	constructor(faults: Faults, legacyPrefix: string) {
		this.#faults = faults;
		this.#legacyPrefix = legacyPrefix;
	}

	get any(): boolean {
		return this.#list.length > 0;
	}

	add(path: string, problem: string, remedy: string): void {
		this.#list.push({ path, problem, remedy });
	}

	report(): void {
		const problems = this.#list.map(({ problem }) => `\n  ${problem}`).join("");
		const legacyText = `${this.#legacyPrefix}yaml: unmarshal errors:${problems}`;
		for (const { path, problem, remedy } of this.#list)
			this.#faults.addLegacy(legacyText, path, `has the wrong shape (${problem})`, remedy);
	}
}

/** Where a YAML text stands, and what is said of it. */
interface Embedded {
	readonly path: string;
	readonly legacyPrefix: string;
	readonly remedy: string;
}

function parse(text: string, { path, legacyPrefix, remedy }: Embedded, faults: Faults): GoYaml | undefined {
	try {
		return readGoYaml(text);
	} catch (error) {
		if (!(error instanceof GoYamlError)) throw error;
		faults.addLegacy(`${legacyPrefix}${error.goText}`, path, `is not YAML as it is read here: ${error.message}`, remedy);
		return undefined;
	}
}

/** @returns the texts of the list; undefined when it cannot be read */
function readList(text: string, faults: Faults): readonly string[] | undefined {
	const legacyPrefix = `${mountPrefix}failed to yaml unmarshal objects, error: `;
	const document = parse(text, { path: "objects", legacyPrefix, remedy: listRemedy }, faults);
	if (document === undefined) return undefined;
	const mismatches = new Mismatches(faults, legacyPrefix);
	const texts = textsOf(document, mismatches);
	if (!mismatches.any) return texts;
	mismatches.report();
	return undefined;
}

function textsOf(document: GoYaml, mismatches: Mismatches): readonly string[] {
	if (isGoNull(document)) return [];
	if (document.kind !== "mapping") {
		mismatches.add("objects", goMismatch(document, listType), listRemedy);
		return [];
	}
	const list = document.entries.get("array");
	if (list === undefined || isGoNull(list)) return [];
	if (list.kind !== "sequence") {
		mismatches.add("objects.array", goMismatch(list, "[]string"), listRemedy);
		return [];
	}
	return list.items.map((item, index) => {
		if (item.kind === "scalar") return item.text;
		mismatches.add(`objects.array[${index}]`, goMismatch(item, "string"), "Write `- |`, and the object's fields below it, indented.");
		return "";
	});
}

const nothing: GoMapping = { kind: "mapping", entries: new Map(), line: 1 };

function readListed(text: string, index: number, faults: Faults): AzureEntry | undefined {
	const path = `objects.array[${index}]`;
	const legacyPrefix = `${mountPrefix}unmarshal failed for keyVaultObjects at index ${index}, error: `;
	const node = parse(text, { path, legacyPrefix, remedy: entryRemedy }, faults);
	if (node === undefined) return undefined;
	const mismatches = new Mismatches(faults, legacyPrefix);
	if (node.kind !== "mapping" && !isGoNull(node)) mismatches.add(path, goMismatch(node, entryType), entryRemedy);
	const mapping = node.kind === "mapping" ? node : nothing;
	const entry = readEntry(mapping, path, (key, problem) => mismatches.add(`${path}.${key}`, problem, entryRemedy));
	if (!mismatches.any) return entry;
	mismatches.report();
	return undefined;
}
