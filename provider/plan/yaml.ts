import { isAlias, isMap, isScalar, isSeq, type Node, parseDocument } from "yaml";

/** YAML in the failsafe schema: every scalar is the text that was written. */
export type YamlNode = string | readonly YamlNode[] | ReadonlyMap<string, YamlNode>;

/** The largest text read, in UTF-16 units. A SecretProviderClass as a whole fits into 1.5 MiB of etcd; its lists are far smaller. */
export const maximumYamlLength = 256 * 1024;
const maximumDepth = 32;
const maximumNodes = 50_000;

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
	guardDepth(text);
	const document = parseDocument(text, { schema: "failsafe", uniqueKeys: true, prettyErrors: true, logLevel: "silent" });
	const problem = document.errors[0] ?? document.warnings[0];
	if (problem !== undefined) throw new YamlError(firstLine(problem.message));
	return convert(document.contents, { nodes: 0 }, 0);
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
	if (/^(?:\s*[-?:] ){33}/m.test(text)) throw new YamlError("nests too deeply");
}

function convert(node: Node | null, count: { nodes: number }, depth: number): YamlNode {
	count.nodes += 1;
	if (count.nodes > maximumNodes) throw new YamlError("has too many entries");
	if (depth > maximumDepth) throw new YamlError("nests too deeply");
	if (node === null) return "";
	if (isAlias(node)) throw new YamlError(`uses the alias *${node.source}; write the value out`);
	if (isScalar(node)) return typeof node.value === "string" ? node.value : "";
	if (isSeq(node)) return node.items.map((item) => convert(item as Node | null, count, depth + 1));
	if (!isMap(node)) throw new YamlError("has an entry that is neither text, list nor mapping");
	const entries = new Map<string, YamlNode>();
	for (const pair of node.items) {
		if (!isScalar(pair.key) || typeof pair.key.value !== "string") throw new YamlError("has a key that is not plain text");
		entries.set(pair.key.value, convert(pair.value as Node | null, count, depth + 1));
	}
	return entries;
}

function firstLine(message: string): string {
	return message.split("\n", 1)[0]?.replace(/:$/, "") ?? message;
}
