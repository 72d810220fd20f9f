import type { ObjectFindings } from "../findings.ts";
import { classesIn, type Inventory, type PodEntry, type PodVolume } from "../inventory.ts";
import type { Planner } from "../plan/planner.ts";
import { positionOfFault } from "../read/locate.ts";
import { joined, withoutSource } from "./class-parameters.ts";
import { textsOf } from "./class-shape.ts";

/** What the attributes of a pod's volumes make of the parameters of their classes: they win over them, in the driver. */
export async function checkPodParameters(findings: ObjectFindings, pod: PodEntry, inventory: Inventory, planner: Planner): Promise<void> {
	const classes = classesIn(inventory, findings.object.namespace);
	for (const volume of pod.volumes) {
		const entry = classes.get(volume.className ?? "");
		if (entry === undefined) continue;
		const attributes = [...textsOf(volume.attributes)].filter(([key]) => key !== "secretProviderClass" && !key.includes("/"));
		for (const [key] of attributes) {
			if (!entry.parameters.has(key)) continue;
			const cause = "overrides the class's parameter of this name";
			findings.at(volume.attributes?.at(key), {
				rule: "attribute-overrides-parameter",
				cause,
				remedy: "Write a class of its own for this pod, or remove it.",
			});
		}
		if (attributes.length === 0 || entry.planned === undefined) continue;
		const provider = entry.object.root.at("spec", "provider")?.scalar ?? "";
		const planned = await planner.plan(provider, new Map([...entry.parameters, ...attributes]), findings.object.namespace);
		const known = new Set(entry.planned.faults.map(({ path, message }) => `${path} ${message}`));
		for (const { path, message, remedy } of planned.faults) {
			if (!known.has(`${path} ${message}`)) reportFault(findings, volume, path, message, remedy ?? "Correct it.");
		}
	}
}

function reportFault(findings: ObjectFindings, { node, attributes }: PodVolume, path: string, message: string, remedy: string): void {
	const place = attributes ?? node;
	const first = /^[^.[]+/.exec(path)?.[0] ?? "";
	const isOwn = attributes?.at(first) !== undefined;
	findings.at(place, {
		rule: "parameters-invalid",
		cause: `${withoutSource(message)}${isOwn ? "" : `, at ${path} of the class with these attributes over it`}`,
		remedy,
		...(isOwn ? { path: joined(place.path, path), position: positionOfFault(place, path, message) } : {}),
	});
}
