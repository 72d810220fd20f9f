import { ProviderError } from "../../errors.ts";
import { type Fields, quote } from "../../plan/fields.ts";
import type { RoleAnnotation } from "../store.ts";

const annotation = "azure.workload.identity/client-id";
const example = "8f6c1c2e-58a7-4c1e-a5cf-3f2f5c1f0d11";

/** Whether a text can be a client's id. It goes into form fields and messages, never into a path. */
export function isClientId(text: string): boolean {
	return /^[\w.:/-]{1,256}$/.test(text);
}

/**
 * The client that an entry under `stores` names, which is the identity's role. Empty: with the pod's token the one that
 * the service account's annotation names; with a client secret the one beside it; of a node its own identity.
 */
export function readClientId(fields: Fields): string {
	const client = fields.text("client") ?? "";
	if (client !== "" && !isClientId(client))
		fields.reject("client", `is ${quote(client)}, which is no client id`, `Write it as ${example}.`);
	return client;
}

/** Where a service account names its client. Source: Microsoft Entra Workload ID, "Service account labels and annotations". */
export const clientAnnotation: RoleAnnotation = {
	key: annotation,
	failure({ namespace, serviceAccount }, error) {
		if (error !== undefined) {
			const remedy = error.remedy === undefined ? {} : { remedy: error.remedy };
			return new ProviderError(error.code, error.message, { ...remedy, cause: error.cause });
		}
		const command = `kubectl annotate serviceaccount ${serviceAccount} --namespace ${namespace} ${annotation}=${example}`;
		return new ProviderError("invalid", `The service account ${namespace}/${serviceAccount} has no annotation ${annotation}.`, {
			remedy: `Name the client beside the store, or on the account: ${command}`,
		});
	},
};
