import { parseFileMode } from "../shared/file-mode.ts";
import type { Faults } from "./faults.ts";
import type { YamlNode } from "./yaml.ts";

/**
 * Reads the fields of one mapping and notes every fault with its path. A reader that finds a fault
 * returns a harmless value, so that the rest is read too; nobody uses the result once there are faults.
 */
export class Fields {
	readonly path: string;
	readonly faults: Faults;
	readonly #entries: ReadonlyMap<string, YamlNode>;
	readonly #read = new Set<string>();

	constructor(entries: ReadonlyMap<string, YamlNode>, path: string, faults: Faults) {
		this.#entries = entries;
		this.path = path;
		this.faults = faults;
	}

	/** The path of a field, such as `stores.main.address`. */
	at(key: string): string {
		return this.path === "" ? key : `${this.path}.${key}`;
	}

	has(key: string): boolean {
		return this.#entries.has(key);
	}

	/** The field as written, whatever its shape. */
	node(key: string): YamlNode | undefined {
		this.#read.add(key);
		return this.#entries.get(key);
	}

	reject(key: string, message: string, remedy?: string): void {
		this.faults.add(this.at(key), message, remedy);
	}

	text(key: string): string | undefined {
		const node = this.node(key);
		if (node === undefined || typeof node === "string") return node;
		this.reject(key, "is not a plain text", "Write one value.");
		return undefined;
	}

	/** A text that must be there and not be empty. */
	required(key: string, remedy = "Add it."): string {
		const text = this.text(key);
		if (text !== undefined && text !== "") return text;
		if (text === "" || !this.has(key)) this.reject(key, text === "" ? "is empty" : "is missing", remedy);
		return "";
	}

	oneOf<Choice extends string>(key: string, choices: readonly Choice[], fallback: Choice): Choice {
		const text = this.text(key);
		if (text === undefined) return fallback;
		const choice = choices.find((candidate) => candidate === text);
		if (choice !== undefined) return choice;
		this.reject(key, `is ${quote(text)}`, `Write one of ${choices.join(", ")}.`);
		return fallback;
	}

	boolean(key: string, fallback = false): boolean {
		return this.oneOf(key, ["true", "false"], fallback ? "true" : "false") === "true";
	}

	/** A file mode in octal digits, such as `0400`. */
	mode(key: string): number | undefined {
		const text = this.text(key);
		if (text === undefined) return undefined;
		const mode = parseFileMode(text);
		if (mode === undefined)
			this.reject(key, `is ${quote(text)}, which is not a file mode`, "Write octal digits from 0000 to 0777, such as 0400.");
		return mode;
	}

	mapping(key: string): Fields | undefined {
		const node = this.node(key);
		if (node === undefined) return undefined;
		if (node instanceof Map) return new Fields(node, this.at(key), this.faults);
		this.reject(key, "is not a mapping", "Write `name: value` lines below it.");
		return undefined;
	}

	/** The texts of a list; a missing list is empty. */
	texts(key: string): readonly string[] {
		return this.#list(key).flatMap((node, index) => {
			if (typeof node === "string") return [node];
			this.faults.add(`${this.at(key)}[${index}]`, "is not a plain text");
			return [];
		});
	}

	/** The mappings of a list; a missing list is empty. */
	items(key: string): readonly Fields[] {
		return this.#list(key).flatMap((node, index) => {
			const path = `${this.at(key)}[${index}]`;
			if (node instanceof Map) return [new Fields(node, path, this.faults)];
			this.faults.add(path, "is not a mapping", "Write it as {name: value, …}.");
			return [];
		});
	}

	/** Every entry as a mapping, in order, with its key; for mappings whose keys are names. */
	named(): readonly (readonly [string, Fields])[] {
		return [...this.#entries.keys()].flatMap((key) => {
			const fields = this.mapping(key);
			return fields === undefined ? [] : [[key, fields] as const];
		});
	}

	keys(): readonly string[] {
		return [...this.#entries.keys()];
	}

	/** Faults every field that nobody read: a misspelt option must not be an option silently off. */
	done(): void {
		for (const key of this.#entries.keys()) {
			if (this.#read.has(key)) continue;
			this.reject(key, "is not known here", `Known here: ${[...this.#read].sort().join(", ")}.`);
		}
	}

	#list(key: string): readonly YamlNode[] {
		const node = this.node(key);
		if (node === undefined || node === "") return [];
		if (Array.isArray(node)) return node as readonly YamlNode[];
		this.reject(key, "is not a list", "Start each entry with `- `.");
		return [];
	}
}

/** Text from a parameter for a message: shortened, and without control characters. */
export function quote(text: string): string {
	const shown = text.length > 80 ? `${text.slice(0, 77)}…` : text;
	return JSON.stringify(shown);
}
