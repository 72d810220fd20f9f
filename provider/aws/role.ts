import { ProviderError } from "../errors.ts";
import type { RoleAnnotation } from "../stores/store.ts";

const annotation = "eks.amazonaws.com/role-arn";

/** How a role's ARN looks, for remedies. */
export const exampleRole = "arn:aws:iam::111122223333:role/shop";

/** Whether a text is the ARN of a role. Source: IAM User Guide, "IAM identifiers". */
export function isRoleArn(text: string): boolean {
	return /^arn:aws[a-z-]{0,20}:iam::\d{12}:role\/[\w+=,.@/-]{1,576}$/.test(text);
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
		const command = `kubectl annotate serviceaccount ${serviceAccount} --namespace ${namespace} ${annotation}=${exampleRole}`;
		return new ProviderError("invalid", `The service account ${namespace}/${serviceAccount} has no annotation ${annotation}.`, {
			legacyText: `An IAM role must be associated with service account ${serviceAccount} (namespace: ${namespace})`,
			remedy: `Name its role: ${command}`,
		});
	},
};
