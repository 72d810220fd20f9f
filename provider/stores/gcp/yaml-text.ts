import { type Alias, type Document, isAlias, isMap, isScalar, type Node, parseDocument } from "yaml";
import { resolveGoScalar } from "../../shared/go-scalar.ts";
import { yamlHazard } from "../../shared/yaml-guard.ts";

/** No text can be had: the document is none, or under the key stands something else (`type`). The message is a clause. */
export class YamlTextError extends Error {
	override readonly name = "YamlTextError";
	readonly kind: "document" | "type";

	constructor(kind: "document" | "type", message: string) {
		super(message);
		this.kind = kind;
	}
}

/** How deep merged mappings may lie in each other. */
const deepestMerge = 8;

/**
 * The text under a key at the top of a YAML document, as gopkg.in/yaml.v3 decodes it into an `interface{}`; undefined
 * when the key is not there. Anchors are followed for this one value, so a document of references costs nothing.
 *
 * @throws YamlTextError
 */
export function readYamlText(text: string, key: string): string | undefined {
	const hazard = yamlHazard(text);
	if (hazard !== undefined) throw new YamlTextError("document", hazard);
	const document = parseDocument(text, { schema: "failsafe", uniqueKeys: false, prettyErrors: false, logLevel: "error" });
	if (document.errors.length > 0) throw new YamlTextError("document", "is no YAML document");
	const value = find(document.contents, key, document, 0);
	return value === undefined ? undefined : textOf(value);
}

/** What stands under the key, anchors followed; null for nothing. */
function find(node: Node | null, key: string, document: Document, depth: number): Node | null | undefined {
	const mapping = followed(node, document);
	if (!isMap(mapping)) throw new YamlTextError("document", "is no YAML mapping");
	const named = (name: string) => mapping.items.filter((item) => isScalar(item.key) && item.key.value === name);
	const own = named(key);
	if (own.length > 1) throw new YamlTextError("document", "has the key twice");
	if (own[0] !== undefined) return followed(own[0].value as Node | null, document);
	// What is merged in counts where the mapping itself has no such key.
	const merged = depth < deepestMerge ? named("<<")[0] : undefined;
	return merged === undefined ? undefined : find(merged.value as Node | null, key, document, depth + 1);
}

function followed(node: Node | null, document: Document): Node | null {
	return isAlias(node) ? target(node, document) : node;
}

function target(alias: Alias, document: Document): Node | null {
	const node = alias.resolve(document);
	if (node === undefined) throw new YamlTextError("document", "refers to an anchor that it lacks");
	return node;
}

/** Quoted, in a block, or tagged, it is a text whatever it looks like. */
function textOf(node: Node | null): string {
	if (!isScalar(node) || typeof node.value !== "string") throw new YamlTextError("type", "holds no text there");
	const isText = node.type !== "PLAIN" || node.tag === "tag:yaml.org,2002:str" || resolveGoScalar(node.value).tag === "!!str";
	if (isText) return node.value;
	throw new YamlTextError("type", "holds no text there");
}
