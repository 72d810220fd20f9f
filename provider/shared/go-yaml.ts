import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from "yaml";
import { resolveGoScalar } from "./go-scalar.ts";
import { goQuote } from "./go-text.ts";
import type { JsonValue } from "./json.ts";
import { maximumYamlDepth, maximumYamlNodes, yamlHazard } from "./yaml-guard.ts";

/** A scalar as written. A quoted one (or a block, or one tagged `!!str`) is a text whatever it looks like. */
export interface GoScalar {
	readonly kind: "scalar";
	readonly text: string;
	readonly quoted: boolean;
	readonly line: number;
}

export interface GoSequence {
	readonly kind: "sequence";
	readonly items: readonly GoYaml[];
	readonly line: number;
}

export interface GoMapping {
	readonly kind: "mapping";
	readonly entries: ReadonlyMap<string, GoYaml>;
	readonly line: number;
}

/** YAML whose scalars still know how they were written, so that each field can read them as Go does. */
export type GoYaml = GoScalar | GoSequence | GoMapping;

/** A text that is no YAML, or more than anybody writes by hand. The message is a clause, with the line where there is one. */
export class GoYamlError extends Error {
	override readonly name = "GoYamlError";
	/** How gopkg.in/yaml.v3 words the same failure, where that is known; else our own words behind its prefix. */
	readonly goText: string;

	constructor(message: string, goText = `yaml: ${message}`) {
		super(message);
		this.goText = goText;
	}
}

const stringTag = "tag:yaml.org,2002:str";

/**
 * Reads one YAML document for a compatible dialect. Empty text is a null scalar. Aliases, merge keys,
 * custom tags and second documents are refused: no list of secrets needs them, and each is a known
 * way to make a small text large or to say something else than it seems.
 *
 * @throws GoYamlError
 */
export function readGoYaml(text: string): GoYaml {
	const hazard = yamlHazard(text);
	if (hazard !== undefined) throw new GoYamlError(hazard);
	const lines = new LineCounter();
	// The parser's own check of keys, and its pretty errors, take time with the square of the length;
	// at the log level "silent" it would keep quiet about a second document.
	const options = { schema: "failsafe", uniqueKeys: false, prettyErrors: false, logLevel: "error", lineCounter: lines } as const;
	const document = parseDocument(text, options);
	const problem = document.errors[0] ?? document.warnings[0];
	if (problem === undefined) return new Converter(lines).convert(document.contents, 0);
	if (problem.code === "MULTIPLE_DOCS") throw new GoYamlError("holds more than one document");
	throw new GoYamlError(`line ${lines.linePos(problem.pos[0]).line}: ${problem.message}`);
}

class Converter {
	readonly #lines: LineCounter;
	#nodes = 0;

	constructor(lines: LineCounter) {
		this.#lines = lines;
	}

	convert(node: Node | null, depth: number): GoYaml {
		this.#nodes += 1;
		if (this.#nodes > maximumYamlNodes) throw new GoYamlError("has too many entries");
		if (depth > maximumYamlDepth) throw new GoYamlError("nests too deeply");
		const line = this.#lineOf(node);
		if (node === null) return { kind: "scalar", text: "", quoted: false, line };
		if (isAlias(node)) throw new GoYamlError(`line ${line} uses the alias *${node.source}; write the value out`);
		if (isScalar(node)) {
			const text = typeof node.value === "string" ? node.value : "";
			return { kind: "scalar", text, quoted: node.type !== "PLAIN" || node.tag === stringTag, line };
		}
		if (isSeq(node)) return { kind: "sequence", items: node.items.map((item) => this.convert(item as Node | null, depth + 1)), line };
		if (isMap(node)) return { kind: "mapping", entries: this.#entries(node, depth), line };
		throw new GoYamlError(`line ${line} holds neither text, list nor mapping`);
	}

	#entries(mapping: YAMLMap, depth: number): ReadonlyMap<string, GoYaml> {
		const entries = new Map<string, GoYaml>();
		const seen = new Map<string, number>();
		for (const { key, value } of mapping.items) {
			const { text, line } = this.#key(key);
			const first = seen.get(text);
			if (first !== undefined) throw duplicateKey(text, line, first);
			seen.set(text, line);
			entries.set(text, this.convert(value as Node | null, depth + 1));
		}
		return entries;
	}

	#key(key: unknown): { readonly text: string; readonly line: number } {
		if (!isScalar(key) || typeof key.value !== "string") throw new GoYamlError("has a key that is not plain text");
		const line = this.#lineOf(key);
		if (key.value === "<<" && key.type === "PLAIN") throw new GoYamlError(`line ${line} merges another mapping; write the values out`);
		return { text: key.value, line };
	}

	#lineOf(node: Node | null): number {
		return node?.range === undefined || node.range === null ? 1 : this.#lines.linePos(node.range[0]).line;
	}
}

function duplicateKey(key: string, line: number, first: number): GoYamlError {
	const problem = `line ${line}: mapping key ${goQuote(key)} already defined at line ${first}`;
	return new GoYamlError(problem, `yaml: unmarshal errors:\n  ${problem}`);
}

/** Whether the node is Go's nil: nothing written, `~` or `null`. A nil leaves a field as it was. */
export function isGoNull(node: GoYaml): boolean {
	return node.kind === "scalar" && tagOf(node) === "!!null";
}

/**
 * The node as gopkg.in/yaml.v3 decodes it into an `interface{}`, in the form in which Go writes that as JSON.
 *
 * @throws GoYamlError for infinities and not-a-number, which JSON cannot hold
 */
export function goYamlValue(node: GoYaml): JsonValue {
	if (node.kind === "sequence") return node.items.map(goYamlValue);
	if (node.kind === "mapping") return Object.fromEntries([...node.entries].map(([key, value]) => [key, goYamlValue(value)]));
	if (node.quoted) return node.text;
	const { value } = resolveGoScalar(node.text);
	if (typeof value === "number" && !Number.isFinite(value))
		throw new GoYamlError(`line ${node.line} holds a number that JSON does not have`);
	return value;
}

function tagOf(node: GoYaml): string {
	if (node.kind === "sequence") return "!!seq";
	if (node.kind === "mapping") return "!!map";
	return node.quoted ? "!!str" : resolveGoScalar(node.text).tag;
}

/**
 * Reads the fields of a mapping into Go types as gopkg.in/yaml.v3 does, and reports what it would
 * refuse in its words, such as `line 3: cannot unmarshal !!seq into string`. Fields that nobody reads are ignored.
 */
export class GoFields {
	readonly #entries: ReadonlyMap<string, GoYaml>;
	readonly #report: (key: string, problem: string) => void;

	constructor(mapping: GoMapping, report: (key: string, problem: string) => void) {
		this.#entries = mapping.entries;
		this.#report = report;
	}

	/** A Go `string`: the source text of any scalar; empty when missing or null. */
	text(key: string): string {
		const node = this.#entries.get(key);
		if (node === undefined || isGoNull(node)) return "";
		if (node.kind === "scalar") return node.text;
		this.#report(key, goMismatch(node, "string"));
		return "";
	}

	/**
	 * A Go `uint32`; 0 when missing or null. Numbers with a fraction are refused, where Go cuts it off.
	 *
	 * @param type the Go type's name for the report, such as `fs.FileMode`
	 */
	unsigned(key: string, type: string): number {
		const node = this.#entries.get(key);
		if (node === undefined || isGoNull(node)) return 0;
		const value = node.kind === "scalar" && !node.quoted ? resolveGoScalar(node.text).value : undefined;
		if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 32) return value;
		this.#report(key, goMismatch(node, type));
		return 0;
	}

	/** A Go `int32`; 0 when missing or null. Numbers with a fraction are refused, where Go cuts it off. */
	signed(key: string): number {
		const node = this.#entries.get(key);
		if (node === undefined || isGoNull(node)) return 0;
		const value = node.kind === "scalar" && !node.quoted ? resolveGoScalar(node.text).value : undefined;
		if (typeof value === "number" && Number.isInteger(value) && Math.abs(value + 0.5) < 2 ** 31) return value;
		this.#report(key, goMismatch(node, "int32"));
		return 0;
	}

	/** A Go `map[string]interface{}` as JSON; undefined when missing or null. */
	object(key: string): Readonly<Record<string, JsonValue>> | undefined {
		const node = this.#entries.get(key);
		if (node === undefined || isGoNull(node)) return undefined;
		if (node.kind === "mapping") return Object.fromEntries([...node.entries].map(([name, value]) => [name, goYamlValue(value)]));
		this.#report(key, goMismatch(node, "map[string]interface {}"));
		return undefined;
	}
}

/** The words of gopkg.in/yaml.v3 for a node that does not fit a Go type. */
export function goMismatch(node: GoYaml, type: string): string {
	const shown = node.kind === "scalar" ? ` \`${node.text.length > 10 ? `${node.text.slice(0, 7)}...` : node.text}\`` : "";
	return `line ${node.line}: cannot unmarshal ${tagOf(node)}${shown} into ${type}`;
}
