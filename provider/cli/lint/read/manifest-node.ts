import { isAlias, isMap, isScalar, isSeq, type Node, type YAMLMap } from "yaml";
import { resolveGoScalar } from "../../../shared/go-scalar.ts";
import { EmbeddedSource } from "./embedded-source.ts";
import type { Position, Source } from "./source.ts";

/** A parsed document, with what its aliases stand for. */
export interface Tree {
	readonly source: Source;
	readonly anchors: ReadonlyMap<string, Node>;
	/** How many merge keys may still be followed: a few that name each other could go on for ever. */
	mergesLeft: number;
}

/** Plain scalars that are booleans to the YAML 1.1 that kubectl reads, and texts to 1.2. */
const oldBooleans = /^(?:y|yes|n|no|on|off)$/i;
const stringTag = "tag:yaml.org,2002:str";

/** A node of a manifest with its path and its place in the file. Reading what is not there gives undefined. */
export class ManifestNode {
	/** From the object's root, such as `spec.volumes[0].csi`. */
	readonly path: string;
	readonly #tree: Tree;
	readonly #node: Node | null;
	readonly #isAlias: boolean;
	readonly #offset: number;
	#entries: ReadonlyMap<string, ManifestNode> | undefined;

	/** @param offset where the key of a mapping's entry stands; for others where the node itself does */
	constructor(tree: Tree, node: Node | null, path: string, offset: number) {
		this.#tree = tree;
		this.#isAlias = isAlias(node);
		this.#node = isAlias(node) ? (tree.anchors.get(node.source) ?? null) : node;
		this.#offset = offset;
		this.path = path;
	}

	get position(): Position {
		return this.#tree.source.position(this.#offset);
	}

	/** The same node as the root of paths. */
	get asRoot(): ManifestNode {
		return new ManifestNode(this.#tree, this.#node, "", this.#offset);
	}

	get isMapping(): boolean {
		return isMap(this.#node);
	}

	get isList(): boolean {
		return isSeq(this.#node);
	}

	/** Nothing is written, or null. */
	get isNothing(): boolean {
		return this.#node === null || (this.#plain !== undefined && resolveGoScalar(this.#plain).tag === "!!null");
	}

	/** The scalar as it is written, whatever its type. */
	get scalar(): string | undefined {
		return isScalar(this.#node) && typeof this.#node.value === "string" ? this.#node.value : undefined;
	}

	/** The scalar when the API server sees a string in it: quoted, a block, or a plain one that looks like nothing else. */
	get text(): string | undefined {
		const plain = this.#plain;
		if (plain === undefined) return this.scalar;
		const { tag } = resolveGoScalar(plain);
		return (tag === "!!str" || tag === "!!timestamp") && !oldBooleans.test(plain) ? plain : undefined;
	}

	/** The scalar when it is an unquoted boolean. */
	get boolean(): boolean | undefined {
		const { value } = resolveGoScalar(this.#plain ?? "");
		return typeof value === "boolean" ? value : undefined;
	}

	/** The scalar when it is an unquoted number. */
	get number(): number | undefined {
		const { value } = resolveGoScalar(this.#plain ?? "");
		return typeof value === "number" ? value : undefined;
	}

	/** True for a scalar without quotes, which YAML gives a type by its looks. */
	get isPlain(): boolean {
		return this.#plain !== undefined;
	}

	get #plain(): string | undefined {
		const node = this.#node;
		return isScalar(node) && node.type === "PLAIN" && node.tag !== stringTag ? this.scalar : undefined;
	}

	/** The entries of a mapping; of a key that is there twice the last. */
	get entries(): ReadonlyMap<string, ManifestNode> {
		this.#entries ??= isMap(this.#node) ? this.#readEntries(this.#node) : new Map();
		return this.#entries;
	}

	/** The entries of a list. */
	get items(): readonly ManifestNode[] {
		if (!isSeq(this.#node)) return [];
		return this.#node.items.map((item, index) => {
			const node = item as Node | null;
			return new ManifestNode(this.#tree, node, `${this.path}[${index}]`, node?.range?.[0] ?? this.#offset);
		});
	}

	/** What lies directly below and is written here; what an alias stands for is met where its anchor is. */
	get children(): readonly ManifestNode[] {
		return [...this.entries.values(), ...this.items].filter((child) => !child.#isAlias);
	}

	at(...keys: readonly string[]): ManifestNode | undefined {
		return keys.reduce<ManifestNode | undefined>((node, key) => node?.entries.get(key), this);
	}

	textAt(...keys: readonly string[]): string | undefined {
		return this.at(...keys)?.text;
	}

	itemsAt(...keys: readonly string[]): readonly ManifestNode[] {
		return this.at(...keys)?.items ?? [];
	}

	/** The scalar's value as a text with places of its own. */
	get embeddedSource(): EmbeddedSource | undefined {
		const text = this.scalar;
		return isScalar(this.#node) && text !== undefined ? new EmbeddedSource(this.#tree.source, this.#node, text) : undefined;
	}

	/** Where the keys stand that this mapping has already, by key. */
	get repeatedKeys(): readonly { readonly key: string; readonly position: Position }[] {
		if (!isMap(this.#node)) return [];
		const seen = new Set<string>();
		return this.#node.items.flatMap(({ key }) => {
			if (!isScalar(key) || typeof key.value !== "string") return [];
			if (seen.has(key.value)) return [{ key: key.value, position: this.#tree.source.position(key.range?.[0] ?? this.#offset) }];
			seen.add(key.value);
			return [];
		});
	}

	#readEntries(map: YAMLMap): ReadonlyMap<string, ManifestNode> {
		const entries = new Map<string, ManifestNode>();
		const merged: ManifestNode[] = [];
		for (const { key, value } of map.items) {
			if (!isScalar(key) || typeof key.value !== "string") continue;
			const path = this.path === "" ? key.value : `${this.path}.${key.value}`;
			const node = new ManifestNode(this.#tree, value as Node | null, path, key.range?.[0] ?? this.#offset);
			if (key.value === "<<" && key.type === "PLAIN") merged.push(...(node.isList ? node.items : [node]));
			else entries.set(key.value, node);
		}
		for (const source of merged) for (const [key, node] of this.#mergedEntries(source)) if (!entries.has(key)) entries.set(key, node);
		return entries;
	}

	/** What a merge key brings, as if it were written here. */
	#mergedEntries(source: ManifestNode): ReadonlyMap<string, ManifestNode> {
		if (!isMap(source.#node) || this.#tree.mergesLeft === 0) return new Map();
		this.#tree.mergesLeft -= 1;
		return new ManifestNode(this.#tree, source.#node, this.path, this.#offset).#readEntries(source.#node);
	}
}
