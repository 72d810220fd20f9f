import { exampleRole, isRoleArn } from "../../aws/role.ts";
import { type Fields, quote } from "../../plan/fields.ts";

/** The role that an entry under `stores` names; empty: the one that the service account's annotation names. */
export function readRole(fields: Fields): string {
	const role = fields.text("role") ?? "";
	if (role === "") return role;
	if (fields.text("identity") === "pod") {
		fields.reject("role", "stands beside identity: pod", "Remove it: the agent gives the role of the Pod Identity association.");
	} else if (!isRoleArn(role)) {
		fields.reject("role", `is ${quote(role)}, which is no role's ARN`, `Write it as ${exampleRole}.`);
	}
	return role;
}
