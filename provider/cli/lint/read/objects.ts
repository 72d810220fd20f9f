import { yamlHazard } from "../../../shared/yaml-guard.ts";
import type { ManifestNode } from "./manifest-node.ts";
import { type ParsedText, parseManifests, type SyntaxFault } from "./parse.ts";
import { maskSecrets } from "./secret-patterns.ts";
import { DocumentSource, type Position } from "./source.ts";

/** A text that was given to be looked at. */
export interface InputFile {
	/** As the person called it. */
	readonly name: string;
	readonly text: string;
}

/** A Kubernetes object as written. */
export interface ManifestObject {
	readonly apiVersion: string;
	readonly kind: string;
	readonly name: string;
	/** Empty when the manifest leaves it to whoever applies it. */
	readonly namespace: string;
	/** With what looks like credentials masked: the only form whose content may go into messages. */
	readonly root: ManifestNode;
	/** As it is written; for finding credentials only. */
	readonly unmasked: ManifestNode;
}

export interface ReadFile {
	readonly objects: readonly ManifestObject[];
	readonly faults: readonly SyntaxFault[];
}

/** What a document must mention before its faults of syntax are anybody's business here. */
const concerned = /secrets-?store|secretproviderclass/i;

/** Reads the objects of a file of one or several documents and of lists. */
export function readObjects({ name, text }: InputFile): ReadFile {
	const parts = splitDocuments(text).map((part) => readDocument(name, part));
	return { objects: parts.flatMap(({ objects }) => objects), faults: parts.flatMap(({ faults }) => faults) };
}

interface DocumentText {
	readonly text: string;
	readonly linesBefore: number;
}

/** `---` at the beginning of a line ends a document, wherever it stands; so each may be judged by itself. */
function splitDocuments(text: string): readonly DocumentText[] {
	let linesBefore = 0;
	return text.split(/^(?=---(?:[ \t\r\n]|$))/m).map((part) => {
		const document = { text: part, linesBefore };
		linesBefore += part.split("\n").length - 1;
		return document;
	});
}

function readDocument(file: string, { text, linesBefore }: DocumentText): ReadFile {
	const parse = (shown: string): ParsedText => parseManifests(new DocumentSource(file, shown, linesBefore));
	// What is too large to be parsed is too large for the patterns as well.
	const masked = yamlHazard(text) === undefined ? maskSecrets(text) : text;
	const { roots, faults } = parse(masked);
	if (faults.length > 0) return { objects: [], faults: concerned.test(text) ? faults.slice(0, 1) : [] };
	const unmasked = masked === text ? roots : parse(text).roots;
	const objects = roots.flatMap((root, index) => readObject(root, unmasked[index] ?? root));
	return { objects, faults: [] };
}

/** Lists of lists are rare, and one that holds itself by an alias has no end. */
const maximumListDepth = 3;

function readObject(root: ManifestNode, unmasked: ManifestNode, depth = 0): readonly ManifestObject[] {
	const kind = root.at("kind")?.scalar ?? "";
	if (kind.endsWith("List") && root.at("items")?.isList) {
		if (depth === maximumListDepth) return [];
		const others = unmasked.itemsAt("items");
		return root.itemsAt("items").flatMap((item, index) => readObject(item.asRoot, (others[index] ?? item).asRoot, depth + 1));
	}
	if (!root.isMapping || kind === "") return [];
	const text = (...keys: readonly string[]) => root.at(...keys)?.scalar ?? "";
	return [
		{ apiVersion: text("apiVersion"), kind, name: text("metadata", "name"), namespace: text("metadata", "namespace"), root, unmasked },
	];
}

/** Where the name of an object stands, or the object. */
export function namePosition({ root }: ManifestObject): Position {
	return (root.at("metadata", "name") ?? root).position;
}
