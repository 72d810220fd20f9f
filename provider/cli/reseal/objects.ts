import { parseAllDocuments } from "yaml";
import { readYaml, YamlError, type YamlNode } from "../../plan/yaml.ts";
import { yamlHazard } from "../../shared/yaml-guard.ts";

/** A sealed value as a class's reader gets it. */
export interface WrittenValue {
	/** Such as `shop: objects[2].sealed`. */
	readonly place: string;
	readonly sealed: string;
}

/** More than anybody writes by hand; what goes beyond is a bomb. */
const maximumAliases = 100;

/**
 * The sealed values of every SecretProviderClass in a manifest, read as the provider reads them. Undefined for a text
 * that cannot be read as YAML, such as a template of Helm.
 */
export function writtenValues(text: string): readonly WrittenValue[] | undefined {
	if (yamlHazard(text) !== undefined) return undefined;
	const documents = parseAllDocuments(text, { logLevel: "error", uniqueKeys: false, prettyErrors: false });
	if (!Array.isArray(documents) || documents.some(({ errors }) => errors.length > 0)) return undefined;
	try {
		return documents.flatMap((document) => ofManifest(document.toJS({ maxAliasCount: maximumAliases })));
	} catch (error) {
		// An alias of nothing, or too many.
		if (error instanceof ReferenceError) return undefined;
		throw error;
	}
}

function ofManifest(manifest: unknown): readonly WrittenValue[] {
	const items = member(manifest, "items");
	if (Array.isArray(items)) return items.flatMap(ofManifest);
	const objects = member(member(member(manifest, "spec"), "parameters"), "objects");
	if (member(manifest, "kind") !== "SecretProviderClass" || typeof objects !== "string") return [];
	const name = member(member(manifest, "metadata"), "name");
	return entriesOf(objects).flatMap((entry, index) => {
		const sealed = entry instanceof Map ? entry.get("sealed") : undefined;
		return typeof sealed === "string" ? [{ place: `${typeof name === "string" ? name : "class"}: objects[${index}].sealed`, sealed }] : [];
	});
}

function entriesOf(objects: string): readonly YamlNode[] {
	try {
		const node = readYaml(objects);
		return Array.isArray(node) ? (node as readonly YamlNode[]) : [];
	} catch (error) {
		if (error instanceof YamlError) return [];
		throw error;
	}
}

function member(value: unknown, key: string): unknown {
	if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
	return (value as Readonly<Record<string, unknown>>)[key];
}
