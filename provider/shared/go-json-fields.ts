import { goJsonScalar } from "./go-json-text.ts";
import type { GoMapping, GoYaml } from "./go-yaml.ts";

/** Where a mapping is written, and what Go calls its type. */
export interface GoJsonPlace {
	/** Such as `objects[2]`. */
	readonly path: string;
	/** The Go package of the types. */
	readonly package: string;
	/** The Go struct's name, such as `SecretDescriptor`. */
	readonly type: string;
	/** The fields above it in the outermost struct, such as `jmesPath.`; empty for the outermost. */
	readonly above: string;
	/** Hears of a value that its field does not take, mostly in the words of Go's encoding/json. */
	report(path: string, problem: string): void;
}

const nothing: GoMapping = { kind: "mapping", entries: new Map(), line: 1 };

/**
 * Reads the fields of a mapping as a Go struct gets them from sigs.k8s.io/yaml 1.6, which makes JSON of the YAML first:
 * names match without regard to case, numbers and booleans become the text of a text field, null leaves a field empty,
 * and fields that nobody reads are ignored. A reader that meets another type reports it and returns something empty.
 *
 * Fields whose names differ in case alone are reported, where Go takes the last in byte order: nobody means that.
 */
export class GoJsonFields {
	readonly path: string;
	readonly #place: GoJsonPlace;
	readonly #entries = new Map<string, GoYaml>();

	constructor(mapping: GoMapping, place: GoJsonPlace) {
		this.path = place.path;
		this.#place = place;
		for (const [key, node] of mapping.entries) {
			const name = key.toLowerCase();
			if (this.#entries.has(name)) place.report(this.at(key), "json: the field is there twice, in upper and lower case");
			this.#entries.set(name, node);
		}
	}

	/** The path of a field, such as `objects[2].filePermission`. */
	at(key: string): string {
		return `${this.path}.${key}`;
	}

	/** The field as written; undefined when missing or null. */
	node(key: string): GoYaml | undefined {
		const node = this.#entries.get(key.toLowerCase());
		return node === undefined || isGoJsonNull(node) ? undefined : node;
	}

	/** A Go `string`; empty when missing or null. */
	text(key: string): string {
		const node = this.node(key);
		if (node === undefined) return "";
		if (node.kind === "scalar") return goJsonScalar(node).text;
		this.#mismatch(key, node, "string");
		return "";
	}

	/** A Go struct; undefined when missing or null. */
	mapping(key: string, type: string): GoJsonFields | undefined {
		const node = this.node(key);
		if (node === undefined) return undefined;
		if (node.kind === "mapping") return this.#inner(key, this.at(key), node, type);
		this.#mismatch(key, node, this.#qualified(type));
		return undefined;
	}

	/** A Go slice of structs; null entries are structs with nothing in them. */
	mappings(key: string, type: string): readonly GoJsonFields[] {
		const node = this.node(key);
		if (node === undefined) return [];
		if (node.kind !== "sequence") {
			this.#mismatch(key, node, `[]${this.#qualified(type)}`);
			return [];
		}
		return node.items.flatMap((item, index) => {
			const path = `${this.at(key)}[${index}]`;
			if (item.kind === "mapping") return [this.#inner(key, path, item, type)];
			if (isGoJsonNull(item)) return [this.#inner(key, path, nothing, type)];
			this.#mismatch(key, item, this.#qualified(type), path);
			return [];
		});
	}

	#inner(key: string, path: string, mapping: GoMapping, type: string): GoJsonFields {
		const { above } = this.#place;
		return new GoJsonFields(mapping, { ...this.#place, path, type, above: `${above}${key}.` });
	}

	#qualified(type: string): string {
		return `${this.#place.package}.${type}`;
	}

	#mismatch(key: string, node: GoYaml, wanted: string, path = this.at(key)): void {
		const { type, above } = this.#place;
		this.#place.report(path, `json: cannot unmarshal ${goJsonKind(node)} into Go struct field ${type}.${above}${key} of type ${wanted}`);
	}
}

/** Whether the node becomes JSON's null. */
export function isGoJsonNull(node: GoYaml): boolean {
	return node.kind === "scalar" && goJsonScalar(node).kind === "null";
}

/** What encoding/json calls the value that the node becomes. */
export function goJsonKind(node: GoYaml): string {
	if (node.kind === "sequence") return "array";
	return node.kind === "mapping" ? "object" : goJsonScalar(node).kind;
}
