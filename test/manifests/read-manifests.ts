import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";

/** A Kubernetes object as written. */
export interface Manifest {
	readonly apiVersion: string;
	readonly kind: string;
	readonly metadata: { readonly name: string; readonly namespace?: string };
	readonly [field: string]: unknown;
}

export const manifestsFolder = join(import.meta.dirname, "../../manifests");

/** Every object in the YAML files of a folder below `manifests`, in the order in which kubectl applies them. */
export function readManifests(folder: string): readonly Manifest[] {
	return yamlFiles(folder).flatMap((file) => parseManifests(readFileSync(file, "utf8"), file));
}

/** Every object in a text, which is called `source` in errors. */
export function parseManifests(text: string, source: string): readonly Manifest[] {
	return parseAllDocuments(text).flatMap((document) => {
		const problem = document.errors[0] ?? document.warnings[0];
		if (problem !== undefined) throw new Error(`${source}: ${problem.message}`);
		const object: unknown = document.toJS();
		return object === null ? [] : [object as Manifest];
	});
}

export function yamlFiles(folder: string): readonly string[] {
	const path = join(manifestsFolder, folder);
	return readdirSync(path)
		.filter((name) => name.endsWith(".yaml"))
		.sort()
		.map((name) => join(path, name));
}

/** What lies at a path of keys and indices; undefined where there is nothing. */
export function at(node: unknown, ...path: readonly (string | number)[]): unknown {
	return path.reduce<unknown>((inner, key) => (typeof inner === "object" && inner !== null ? Reflect.get(inner, key) : undefined), node);
}

export function listAt(node: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
	const list = at(node, ...path);
	return Array.isArray(list) ? list : [];
}
