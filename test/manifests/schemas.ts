import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { field } from "../servers/kubernetes/api-client.ts";
import type { Cluster } from "../servers/kubernetes/cluster.ts";
import type { Manifest } from "./read-manifests.ts";

/** Where kubeconform finds the schemas of a folder that {@link writeSchemas} filled. */
export function schemaLocation(directory: string): string {
	return join(directory, "{{.ResourceKind}}{{.KindSuffix}}.json");
}

/**
 * Writes a JSON schema for each kind of the objects into a folder, made from the OpenAPI documents that the
 * API server publishes, and made strict: a field that is not in it is refused.
 */
export async function writeSchemas(cluster: Cluster, directory: string, objects: readonly Manifest[]): Promise<void> {
	const kinds = new Map(objects.map(({ apiVersion, kind }) => [`${apiVersion} ${kind}`, { apiVersion, kind }]));
	for (const { apiVersion, kind } of kinds.values()) {
		const definitions = await publishedSchemas(cluster, apiVersion);
		const name = Object.keys(definitions).find((key) => describes(definitions[key], kind));
		if (name === undefined) throw new Error(`the API server publishes no schema of ${apiVersion} ${kind}`);
		const schema = { $schema: "http://json-schema.org/draft-07/schema#", $ref: `#/definitions/${name}`, definitions };
		const suffix = [
			kind,
			...(apiVersion.includes("/") ? [apiVersion.split(".")[0]?.split("/")[0], apiVersion.split("/")[1]] : [apiVersion]),
		];
		writeFileSync(join(directory, `${suffix.join("-").toLowerCase()}.json`), JSON.stringify(schema));
	}
}

async function publishedSchemas(cluster: Cluster, apiVersion: string): Promise<Readonly<Record<string, unknown>>> {
	const path = `/openapi/v3/${apiVersion.includes("/") ? "apis" : "api"}/${apiVersion}`;
	const { status, body } = await cluster.request("GET", path);
	if (status !== 200) throw new Error(`${path} was answered ${status}`);
	return Object(strict(field(body, "components", "schemas")));
}

function describes(schema: unknown, kind: string): boolean {
	const names = field(schema, "x-kubernetes-group-version-kind");
	return Array.isArray(names) && names.length === 1 && field(names[0], "kind") === kind;
}

/** The schema with its references turned to where they are in the file, and with every list of properties closed. */
function strict(node: unknown): unknown {
	if (Array.isArray(node)) return node.map(strict);
	if (typeof node !== "object" || node === null) return node;
	const entries = Object.entries(node).map(([key, value]) =>
		key === "$ref" ? [key, String(value).replace("#/components/schemas/", "#/definitions/")] : [key, strict(value)],
	);
	const open = "additionalProperties" in node || "x-kubernetes-preserve-unknown-fields" in node;
	const closes = field(node, "type") === "object" && typeof field(node, "properties") === "object" && !open;
	return Object.fromEntries(closes ? [...entries, ["additionalProperties", false]] : entries);
}
