import { driverName } from "../mount/manifests.ts";
import type { PlannedClass } from "./plan/planner.ts";
import type { ManifestNode } from "./read/manifest-node.ts";
import type { ManifestObject } from "./read/objects.ts";

export const classGroup = "secrets-store.csi.x-k8s.io";

/** A class and what planning it said; absent where it cannot be planned. */
export interface ClassEntry {
	readonly object: ManifestObject;
	readonly parameters: ReadonlyMap<string, string>;
	readonly planned: PlannedClass | undefined;
}

/** A pod, or the template that a workload makes pods of. */
export interface PodEntry {
	readonly object: ManifestObject;
	/** With `metadata` and `spec`. */
	readonly template: ManifestNode;
	readonly volumes: readonly PodVolume[];
}

/** A volume that means the driver. */
export interface PodVolume {
	readonly node: ManifestNode;
	readonly name: string;
	readonly attributes: ManifestNode | undefined;
	readonly className: string | undefined;
}

/** All objects by what is asked of them. */
export interface Inventory {
	readonly classes: readonly ClassEntry[];
	readonly pods: readonly PodEntry[];
	readonly secrets: readonly ManifestObject[];
	readonly drivers: readonly ManifestObject[];
}

/** The objects that may be classes: of the driver's group, or named so that nothing else can be meant. */
export function isClass({ apiVersion, kind }: ManifestObject): boolean {
	if (kind === "SecretProviderClassPodStatus") return false;
	return apiVersion.startsWith(`${classGroup}/`) || /^secrets?providerclass(?:es)?$/i.test(kind);
}

export function readPods(objects: readonly ManifestObject[]): readonly PodEntry[] {
	return objects.flatMap((object) => {
		const template = templateOf(object);
		const volumes = template?.itemsAt("spec", "volumes").flatMap(readVolume) ?? [];
		return template === undefined || template.at("spec") === undefined ? [] : [{ object, template, volumes }];
	});
}

/** Whatever makes pods has their template in one of these places. */
function templateOf({ kind, root }: ManifestObject): ManifestNode | undefined {
	if (kind === "Pod") return root;
	return root.at("spec", "template") ?? root.at("spec", "jobTemplate", "spec", "template") ?? root.at("template");
}

/** Also volumes with a wrong driver, when everything else says which one is meant. */
function readVolume(node: ManifestNode): readonly PodVolume[] {
	const driver = node.at("csi", "driver")?.scalar;
	const attributes = node.at("csi", "volumeAttributes");
	const className = attributes?.textAt("secretProviderClass");
	const isMeant = driver === driverName || className !== undefined || /secrets?-?store/i.test(driver ?? "");
	return isMeant && node.at("csi") !== undefined ? [{ node, name: node.textAt("name") ?? "", attributes, className }] : [];
}

/** The classes of a namespace, by name. */
export function classesIn(inventory: Inventory, namespace: string): ReadonlyMap<string, ClassEntry> {
	const entries = inventory.classes.filter(({ object }) => object.namespace === namespace);
	return new Map(entries.map((entry) => [entry.object.name, entry]));
}
