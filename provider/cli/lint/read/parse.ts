import { isAlias, type Node, parseAllDocuments, visit, type YAMLError } from "yaml";
import { yamlHazard } from "../../../shared/yaml-guard.ts";
import { ManifestNode } from "./manifest-node.ts";
import type { Position, Source } from "./source.ts";

/** Why a text is not YAML that can be read. */
export interface SyntaxFault {
	readonly code: YAMLError["code"] | "TOO_LARGE";
	readonly position: Position;
}

export interface ParsedText {
	readonly roots: readonly ManifestNode[];
	readonly faults: readonly SyntaxFault[];
}

const maximumMerges = 200;

/**
 * Parses the documents of a text as far as they can be read, and refuses what would keep the parser busy or exhaust
 * its stack. The failsafe schema keeps scalars as they are written; what they mean depends on who reads them.
 *
 * @param path where the text itself lies, for the paths of its nodes
 */
export function parseManifests(source: Source, path = ""): ParsedText {
	if (yamlHazard(source.text) !== undefined) return { roots: [], faults: [{ code: "TOO_LARGE", position: source.position(0) }] };
	const options = { schema: "failsafe", uniqueKeys: false, prettyErrors: false, logLevel: "silent" } as const;
	const parsed = parseAllDocuments(source.text, options);
	const documents = Array.isArray(parsed) ? parsed : [];
	const faults = documents.flatMap(({ errors }) =>
		errors.map(({ code, pos }) => ({ code, position: source.position(firstVisible(source.text, pos[0])) })),
	);
	const roots = documents.map((document) => {
		const anchors = new Map<string, Node>();
		visit(document, {
			Node(_key, node) {
				if (!isAlias(node) && node.anchor !== undefined) anchors.set(node.anchor, node);
			},
		});
		const { contents } = document;
		return new ManifestNode({ source, anchors, mergesLeft: maximumMerges }, contents, path, contents?.range?.[0] ?? 0);
	});
	return { roots, faults };
}

function firstVisible(text: string, offset: number): number {
	const blank = /^[ \t]*/.exec(text.slice(offset, offset + 200))?.[0] ?? "";
	return offset + blank.length;
}

const known = new WeakMap<ManifestNode, ManifestNode | "none">();

/** The YAML that a scalar holds as a text, as far as it can be read; its paths go on from the scalar's. */
export function embeddedIn(node: ManifestNode): ManifestNode | undefined {
	const before = known.get(node);
	if (before !== undefined) return before === "none" ? undefined : before;
	const source = node.embeddedSource;
	const root = source === undefined ? undefined : parseManifests(source, node.path).roots[0];
	known.set(node, root ?? "none");
	return root;
}
