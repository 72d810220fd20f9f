import { quote } from "../../../plan/fields.ts";
import type { ObjectFindings } from "../findings.ts";
import { classGroup } from "../inventory.ts";
import type { ManifestNode } from "../read/manifest-node.ts";
import { rejectRepeatedKeys, rejectUnknownFields, suggestion } from "./unknown-fields.ts";

const servedVersion = `${classGroup}/v1`;
const oldVersion = `${classGroup}/v1alpha1`;
const rootFields = ["apiVersion", "kind", "metadata", "spec", "status"];
const specFields = ["provider", "parameters", "secretObjects"];
const secretObjectFields = ["secretName", "type", "labels", "annotations", "data"];
const dataFields = ["objectName", "key"];
const kubernetesName = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;
/** The driver's own rule: the name becomes part of a path. */
const providerName = /^[a-zA-Z0-9_-]{1,30}$/;

/** What of a class is wrong whatever its provider is. Source: the driver's API, secrets-store-csi-driver v1.6.0. */
export function checkClassShape(findings: ObjectFindings, providers: readonly string[]): void {
	const { root } = findings.object;
	checkIdentity(findings);
	rejectRepeatedKeys(root, findings);
	rejectUnknownFields(root, rootFields, findings);
	rejectUnknownFields(root.at("spec"), specFields, findings);
	for (const entry of root.itemsAt("spec", "secretObjects")) {
		rejectUnknownFields(entry, secretObjectFields, findings);
		for (const item of entry.itemsAt("data")) rejectUnknownFields(item, dataFields, findings);
	}
	checkProvider(findings, providers);
	checkParameters(findings);
}

/**
 * The parameters as they are meant: what is no text has a fault of its own, and is read as if it were in quotes, so that
 * the rest is looked at too.
 */
export function textsOf(node: ManifestNode | undefined): ReadonlyMap<string, string> {
	const entries = [...(node?.entries ?? [])];
	return new Map(entries.flatMap(([key, { scalar, isNothing }]) => (scalar === undefined || isNothing ? [] : [[key, scalar] as const])));
}

function checkIdentity(findings: ObjectFindings): void {
	const { root, kind, apiVersion } = findings.object;
	if (kind !== "SecretProviderClass") {
		const cause = `is ${quote(kind)}, which the driver's group does not have`;
		findings.at(root.at("kind"), { rule: "unknown-kind", cause, remedy: "Write SecretProviderClass.", path: "kind" });
	}
	if (apiVersion === oldVersion) {
		const cause = "is v1alpha1, which the driver no longer advances";
		findings.at(root.at("apiVersion"), { rule: "api-version-deprecated", cause, remedy: `Write ${servedVersion}.` });
	} else if (apiVersion !== servedVersion) {
		const cause = apiVersion === "" ? "is missing" : `is ${quote(apiVersion)}, which the driver does not serve`;
		findings.at(root.at("apiVersion"), { rule: "api-version", cause, remedy: `Write ${servedVersion}.`, path: "apiVersion" });
	}
	const name = root.at("metadata", "name");
	if (name?.text !== undefined && kubernetesName.test(name.text)) return;
	const cause = name === undefined || name.isNothing ? "is missing" : "is not a name that the API server takes";
	const remedy = "Write lower-case letters, digits, - and dots, in quotes where it looks like a number.";
	findings.at(name ?? root, { rule: "name-missing", cause, remedy, path: "metadata.name" });
}

function checkProvider(findings: ObjectFindings, providers: readonly string[]): void {
	const node = findings.object.root.at("spec", "provider");
	const remedy = `Write one of ${providers.join(", ")}.`;
	const place = node ?? findings.object.root.at("spec");
	if (node === undefined || node.isNothing || node.scalar === "") {
		findings.at(place, { rule: "provider-missing", cause: "is missing", remedy, path: "spec.provider" });
	} else if (!providerName.test(node.scalar ?? "")) {
		const cause = "is not a name that the driver makes a socket's path of";
		findings.at(node, { rule: "provider-missing", cause, remedy: `${remedy} At most 30 letters, digits, _ and -.` });
	} else if (!providers.includes(node.scalar ?? "")) {
		const cause = `is ${quote(node.scalar ?? "")}, which is not served`;
		const near = suggestion(node.scalar ?? "", providers);
		const other = "List it in --provider-names when another program serves it.";
		findings.at(node, { rule: "unknown-provider", cause, remedy: `${near.startsWith("Write") ? near : remedy} ${other}` });
	}
}

function checkParameters(findings: ObjectFindings): void {
	const { root } = findings.object;
	const node = root.at("spec", "parameters");
	if (node === undefined || node.isNothing || (node.isMapping && node.entries.size === 0)) {
		const remedy = "Write them below spec.parameters; the driver refuses a class without any.";
		findings.at(node ?? root.at("spec"), { rule: "parameters-missing", cause: "is missing", remedy, path: "spec.parameters" });
	} else if (!node.isMapping) {
		findings.at(node, { rule: "not-text", cause: "is not a mapping", remedy: "Write `name: value` lines below it." });
	}
	rejectNonTexts(node?.entries.values() ?? [], findings);
}

/** Notes the values that the API server refuses, for a parameter and an attribute are strings. */
export function rejectNonTexts(nodes: Iterable<ManifestNode>, findings: ObjectFindings): void {
	for (const node of nodes) {
		if (node.text !== undefined) continue;
		const cause = `is ${shapeOf(node)}, and the API server takes a string only`;
		const isNested = node.isMapping || node.isList;
		const remedy = isNested ? "Write `|` behind the colon: the lines below it are then one text." : "Put the value in quotes.";
		findings.at(node, { rule: "not-text", cause, remedy });
	}
}

function shapeOf(node: ManifestNode): string {
	if (node.isMapping) return "a mapping";
	if (node.isList) return "a list";
	return node.isNothing ? "empty" : "a number or a boolean";
}
