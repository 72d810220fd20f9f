import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import type { GoYaml } from "../shared/go-yaml.ts";
import { maximumYamlDepth, maximumYamlNodes, yamlHazard } from "../shared/yaml-guard.ts";

/** YAML in the failsafe schema: every scalar is the text that was written. */
export type YamlNode = string | readonly YamlNode[] | ReadonlyMap<string, YamlNode>;

/** A text that is no YAML, or more YAML than anybody writes by hand. The message tells the line. */
export class YamlError extends Error {
	override readonly name = "YamlError";
}

/**
 * Reads one YAML document. Aliases, merge keys and tags are refused: a list of secrets needs none
 * of them, and each is a known way to make a small text large or to say something else than it seems.
 *
 * @throws YamlError
 */
export function readYaml(text: string): YamlNode {
	const hazard = yamlHazard(text);
	if (hazard !== undefined) throw new YamlError(hazard);
	const lines = new LineCounter();
	// The parser's own check of keys, and its pretty errors, each take time with the square of the text's length.
	const options = { schema: "failsafe", uniqueKeys: false, prettyErrors: false, lineCounter: lines, logLevel: "error" } as const;
	const document = parseDocument(text, options);
	const problem = document.errors[0] ?? document.warnings[0];
	if (problem === undefined) return convert(document.contents, { nodes: 0, lines }, 0);
	if (problem.code === "MULTIPLE_DOCS") throw new YamlError("holds more than one document");
	throw new YamlError(`is not YAML: ${problem.message} (line ${lines.linePos(problem.pos[0]).line})`);
}

/** What a compatible dialect's parser read, with every scalar as the text that was written. */
export function asWritten(node: GoYaml): YamlNode {
	if (node.kind === "scalar") return node.text;
	if (node.kind === "sequence") return node.items.map(asWritten);
	return new Map([...node.entries].map(([key, value]) => [key, asWritten(value)]));
}

interface Conversion {
	nodes: number;
	readonly lines: LineCounter;
}

function convert(node: Node | null, state: Conversion, depth: number): YamlNode {
	state.nodes += 1;
	if (state.nodes > maximumYamlNodes) throw new YamlError("has too many entries");
	if (depth > maximumYamlDepth) throw new YamlError("nests too deeply");
	if (node === null) return "";
	if (isAlias(node)) throw new YamlError(`uses the alias *${node.source}; write the value out`);
	if (isScalar(node)) return typeof node.value === "string" ? node.value : "";
	if (isSeq(node)) return node.items.map((item) => convert(item as Node | null, state, depth + 1));
	if (!isMap(node)) throw new YamlError("has an entry that is neither text, list nor mapping");
	const entries = new Map<string, YamlNode>();
	for (const { key, value } of node.items) {
		if (!isScalar(key) || typeof key.value !== "string") throw new YamlError("has a key that is not plain text");
		if (entries.has(key.value)) {
			const { line } = state.lines.linePos(key.range?.[0] ?? 0);
			throw new YamlError(`has the key ${JSON.stringify(key.value.slice(0, 80))} twice (line ${line})`);
		}
		entries.set(key.value, convert(value as Node | null, state, depth + 1));
	}
	return entries;
}
