import { quote } from "../../../plan/fields.ts";
import type { PlacedRemark } from "../../object-remarks.ts";
import type { ObjectFindings } from "../findings.ts";
import { classesIn, type Inventory, type PodEntry } from "../inventory.ts";
import type { PlannedClass, Planner } from "../plan/planner.ts";
import { positionOfFault } from "../read/locate.ts";
import type { RuleId } from "../rules.ts";
import { joined } from "./class-parameters.ts";

const rules = { error: "object-withheld", warning: "object-advice" } as const satisfies Readonly<Record<string, RuleId>>;

/** Notes what stores say of a class's objects, whichever pod of the namespace mounts it. */
export async function checkObjects(findings: ObjectFindings, { plan }: PlannedClass, planner: Planner): Promise<void> {
	const parameters = findings.object.root.at("spec", "parameters");
	if (parameters === undefined || plan === undefined) return;
	const { namespace } = findings.object;
	const holder = { namespace: namespace === "" ? undefined : namespace, serviceAccount: undefined };
	for (const { object, field, severity, cause, remedy } of await planner.inspect(plan, holder)) {
		const path = `${object.path}.${field}`;
		const position = positionOfFault(parameters, path, "");
		findings.at(parameters, { rule: rules[severity], cause, remedy, path: joined(parameters.path, path), position });
	}
}

/** Notes the objects of a pod's classes that other pods of the namespace may have, and this one may not. */
export async function checkPodObjects(findings: ObjectFindings, pod: PodEntry, inventory: Inventory, planner: Planner): Promise<void> {
	const { namespace } = findings.object;
	const classes = classesIn(inventory, namespace);
	// The second is its older name, which the API server still takes.
	const [serviceAccount = "default"] = ["serviceAccountName", "serviceAccount"].flatMap(
		(field) => pod.template.at("spec", field)?.scalar || [],
	);
	for (const { attributes, className } of pod.volumes) {
		const plan = classes.get(className ?? "")?.planned?.plan;
		if (plan === undefined || namespace === "") continue;
		const known = new Set((await planner.inspect(plan, { namespace, serviceAccount: undefined })).map(keyOf));
		for (const remark of await planner.inspect(plan, { namespace, serviceAccount })) {
			if (remark.severity === "warning" || known.has(keyOf(remark))) continue;
			const cause = `names a class whose object ${quote(remark.object.name)} ${remark.cause}`;
			findings.at(attributes?.at("secretProviderClass"), { rule: rules.error, cause, remedy: remark.remedy });
		}
	}
}

/** A value of another namespace is another's for each of the pods, though in other words. */
function keyOf({ object, field, severity }: PlacedRemark): string {
	return JSON.stringify([object.name, field, severity]);
}
