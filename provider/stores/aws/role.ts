import { ProviderError } from "../../errors.ts";
import { type Fields, quote } from "../../plan/fields.ts";
import type { RoleAnnotation } from "../store.ts";

const annotation = "eks.amazonaws.com/role-arn";
const example = "arn:aws:iam::111122223333:role/shop";

/** Whether a text is the ARN of a role. Source: IAM User Guide, "IAM identifiers". */
export function isRoleArn(text: string): boolean {
	return /^arn:aws[a-z-]{0,20}:iam::\d{12}:role\/[\w+=,.@/-]{1,576}$/.test(text);
}

/** The role that an entry under `stores` names; empty: the one that the service account's annotation names. */
export function readRole(fields: Fields): string {
	const role = fields.text("role") ?? "";
	if (role === "") return role;
	if (fields.text("identity") === "pod") {
		fields.reject("role", "stands beside identity: pod", "Remove it: the agent gives the role of the Pod Identity association.");
	} else if (!isRoleArn(role)) {
		fields.reject("role", `is ${quote(role)}, which is no role's ARN`, `Write it as ${example}.`);
	}
	return role;
}

/** Where a service account names its role. Source: Amazon EKS User Guide, "Assign IAM roles to Kubernetes service accounts". */
export const roleAnnotation: RoleAnnotation = {
	key: annotation,
	failure({ namespace, serviceAccount }, error) {
		if (error !== undefined) {
			const legacyText = `failed to get service account ${namespace}/${serviceAccount}: ${error.message}`;
			return new ProviderError(error.code, error.message, {
				legacyText,
				...(error.remedy === undefined ? {} : { remedy: error.remedy }),
				cause: error.cause,
			});
		}
		const command = `kubectl annotate serviceaccount ${serviceAccount} --namespace ${namespace} ${annotation}=${example}`;
		return new ProviderError("invalid", `The service account ${namespace}/${serviceAccount} has no annotation ${annotation}.`, {
			legacyText: `An IAM role must be associated with service account ${serviceAccount} (namespace: ${namespace})`,
			remedy: `Name its role: ${command}`,
		});
	},
};
