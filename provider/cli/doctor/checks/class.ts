import { ProviderError } from "../../../errors.ts";
import type { PlannedStore } from "../../../plan/mount-plan.ts";
import { type Finding, failed, failure, ok, warning } from "../../../shared/finding.ts";
import { inspectObjects, type PlacedRemark } from "../../object-remarks.ts";
import type { DoctorContext } from "../context.ts";
import { guardOf, titleOf } from "./stores.ts";

/** What a Mount of the class of `--class` would ask, where and as whom. Nothing is fetched, and no token is sent. */
export async function checkClass({ planned, arrangement }: DoctorContext): Promise<readonly Finding[]> {
	try {
		const found = await planned;
		if (found === undefined) return [];
		const { plan, name, provider, namespace, serviceAccount } = found;
		const { gate, registry } = await arrangement;
		const whole = ok(
			"plan",
			`${name} is in order for the provider ${provider}: ${plan.objects.length} objects, ${plan.files.length} files.`,
		);
		const objects = plan.objects.map((object) => {
			const store = plan.stores[object.store];
			const what = `${object.path} ${JSON.stringify(object.name)}`;
			if (store === undefined) return failed("object", `${what} is of no store.`, "Report this plan as a defect.");
			const guard = guardOf(gate, store);
			if (guard instanceof ProviderError) return failed("object", `${what}: ${guard.message}`, guard.remedy ?? "Ask the administrator.");
			return ok(
				"object",
				`${what} is asked of ${describe(store, `${namespace}/${serviceAccount}`)}${object.optional ? "; it is optional" : ""}.`,
			);
		});
		const remarks = await inspectObjects(plan, { namespace, serviceAccount }, registry, () => true);
		return [whole, ...objects, ...remarks.map(findingOf)];
	} catch (reason) {
		return [failure("plan", reason, "Mend the class.")];
	}
}

function findingOf({ object, severity, cause, remedy }: PlacedRemark): Finding {
	const message = `${object.path} ${JSON.stringify(object.name)} ${cause}.`;
	return severity === "error" ? failed("object", message, remedy) : warning("object", message, remedy);
}

function describe(store: PlannedStore, account: string): string {
	const role = store.role === "" ? "without a role" : `in the role ${JSON.stringify(store.role)}`;
	return `${titleOf(store)} as ${account} ${role}, with the token for ${JSON.stringify(store.audience)}`;
}
