import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { type Block, checkout, type Document } from "./markdown.ts";

/**
 * What a YAML block is, by which it is checked:
 *
 * | kind | is checked by |
 * |---|---|
 * | `manifests` | `claviger lint`, together with the others of its page |
 * | `parameters` | `claviger lint`, as the parameters of a class of the provider claviger |
 * | `policy` | `claviger lint --policy`, which reads it as the provider does |
 * | `values` | `helm template` |
 * | `workflow` | its commands are run |
 */
export type YamlKind = "manifests" | "parameters" | "policy" | "values" | "workflow";

const policyKeys: ReadonlySet<string> = new Set(["profile", "endpoints", "stores", "dialects", "audiences", "tokens"]);
const parameterKeys: ReadonlySet<string> = new Set(["stores", "objects", "files"]);

/** The values of the chart, as they are by default. */
export const chartValues: unknown = parseAllDocuments(
	readFileSync(join(checkout, "manifests/charts/claviger/values.yaml"), "utf8"),
)[0]?.toJS();
const valueKeys: ReadonlySet<string> = new Set(Object.keys(chartValues ?? {}));

/** The kind of a block by its content, so that no mark in the text can be forgotten or be wrong; undefined when nothing would check it. */
export function yamlKind(block: Pick<Block, "text">): YamlKind | undefined {
	const documents = parseAllDocuments(block.text);
	if (documents.some(({ errors, warnings }) => errors.length + warnings.length > 0)) return undefined;
	const contents = documents.map((document) => document.toJS() as unknown);
	const all = (holds: (entries: Readonly<Record<string, unknown>>) => boolean) =>
		contents.every((content) => typeof content === "object" && content !== null && holds({ ...content }));
	const only = (keys: ReadonlySet<string>) => all((entries) => Object.keys(entries).every((key) => keys.has(key)));
	if (all((entries) => "apiVersion" in entries && "kind" in entries)) return "manifests";
	if (all((entries) => Object.keys(entries).join() === "steps")) return "workflow";
	if (only(parameterKeys) && all((entries) => Object.values(entries).every((value) => typeof value === "string"))) return "parameters";
	if (only(policyKeys)) return "policy";
	return only(valueKeys) ? "values" : undefined;
}

/** The blocks of a page that are of a kind. */
export function blocksOfKind({ blocks }: Document, kind: YamlKind): readonly Block[] {
	return blocks.filter((block) => block.language === "yaml" && yamlKind(block) === kind);
}

/** The commands of a workflow's steps. */
export function workflowCommands(text: string): readonly string[] {
	const workflow = parseAllDocuments(text)[0]?.toJS() as { readonly steps?: readonly { readonly run?: string }[] } | undefined;
	return (workflow?.steps ?? []).map(({ run }) => run ?? "");
}
