import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";

/** YAML in the failsafe schema: every scalar is the text that was written. */
export type YamlNode = string | readonly YamlNode[] | ReadonlyMap<string, YamlNode>;

/** The largest text read, in UTF-16 units. A SecretProviderClass as a whole fits into 1.5 MiB of etcd; its lists are far smaller. */
export const maximumYamlLength = 256 * 1024;
const maximumDepth = 32;
const maximumNodes = 20_000;

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
	if (text.length > maximumYamlLength) throw new YamlError(`is ${text.length} characters long; ${maximumYamlLength} are read`);
	guardYaml(text);
	const lines = new LineCounter();
	// The parser's own check of keys, and its pretty errors, each take time with the square of the text's length.
	const options = { schema: "failsafe", uniqueKeys: false, prettyErrors: false, lineCounter: lines, logLevel: "error" } as const;
	const document = parseDocument(text, options);
	const problem = document.errors[0] ?? document.warnings[0];
	if (problem === undefined) return convert(document.contents, { nodes: 0, lines }, 0);
	if (problem.code === "MULTIPLE_DOCS") throw new YamlError("holds more than one document");
	throw new YamlError(`is not YAML: ${problem.message} (line ${lines.linePos(problem.pos[0]).line})`);
}

/**
 * Refuses a text that would keep the parser busy or exhaust its stack, in time linear in its length.
 *
 * @throws YamlError
 */
export function guardYaml(text: string): void {
	guardCount(text);
	guardDepth(text);
}

/**
 * Refuses what can only be more entries than {@link maximumNodes}, or one mistake after the other,
 * before time is spent on it: the parser goes on after a mistake and notes each.
 */
function guardCount(text: string): void {
	const counts = new Map<string, number>();
	for (const [indicator] of text.matchAll(/[\r\n,:?&*!"'%@|>[\]{}]/g)) {
		const count = (counts.get(indicator) ?? 0) + 1;
		if (count > maximumNodes) throw new YamlError("has too many entries");
		counts.set(indicator, count);
	}
}

/**
 * The parser recurses with the nesting of the text, so text that nests deeper than any list of
 * secrets is refused before it: by brackets on a line, or by indentation.
 */
function guardDepth(text: string): void {
	let open = 0;
	for (const character of text) {
		if (character === "[" || character === "{") open += 1;
		else if (character === "]" || character === "}") open = Math.max(0, open - 1);
		if (open > maximumDepth * 4) throw new YamlError("nests too deeply");
	}
	if (/^(?:[ \t]*[-?:][ \t]){33}/m.test(text)) throw new YamlError("nests too deeply");
}

interface Conversion {
	nodes: number;
	readonly lines: LineCounter;
}

function convert(node: Node | null, state: Conversion, depth: number): YamlNode {
	state.nodes += 1;
	if (state.nodes > maximumNodes) throw new YamlError("has too many entries");
	if (depth > maximumDepth) throw new YamlError("nests too deeply");
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
