import type { Secret } from "../../shared/secret.ts";
import { showableText } from "../../shared/showable.ts";
import type { Identity } from "../store.ts";
import type { GcpInstance } from "./instance.ts";
import { isPoolProvider } from "./pool.ts";

/** Service account tokens, Google's access tokens, and the long unbroken texts that keys are. */
const tokens = /\beyJ[\w-]*(?:\.[\w-]*){1,4}|\bya29\.[\w.-]+|[A-Za-z0-9+=_-]{100,}/g;

/** What Google said, as {@link showableText}. @param confidential what the call carried */
export function showable(text: string, confidential: readonly Secret[]): string {
	return showableText(text, confidential, tokens);
}

/** The names of the APIs for people. */
export const serviceTitles = {
	secretmanager: "Secret Manager",
	parametermanager: "Parameter Manager",
	cloudkms: "Cloud KMS",
	iamcredentials: "IAM Credentials",
	sts: "Google's token service",
	securetoken: "Google's token service",
	oauth2: "Google's token endpoint",
} as const;

type Who = Pick<Identity, "namespace" | "serviceAccount" | "role">;

/** Who Google sees, and whose it is. */
export function describeIdentity({ identity: kind }: Pick<GcpInstance, "identity">, { role, namespace, serviceAccount }: Who): string {
	const account = `service account ${namespace}/${serviceAccount}`;
	if (kind === "key") return `the key file's account for ${account}`;
	if (kind === "node") return `the node's account for ${account}`;
	return role === "" ? account : `${role.split(" ")[0]} for ${account}`;
}

/** How a binding names who Google sees, as an argument of the gcloud command. Source: IAM, "Principal identifiers". */
export function memberOf(instance: Pick<GcpInstance, "identity" | "workloadPool" | "identityProvider">, identity: Who): string {
	if (instance.identity !== "pod") return '"serviceAccount:EMAIL"';
	return identity.role === "" ? podMember(instance, identity) : `"serviceAccount:${identity.role.split(" ")[0]}"`;
}

/** The member that stands for the pod's own service account. */
export function podMember(
	{ workloadPool, identityProvider }: Pick<GcpInstance, "workloadPool" | "identityProvider">,
	{ namespace, serviceAccount }: Who,
): string {
	if (!isPoolProvider(identityProvider)) return `"serviceAccount:${workloadPool}[${namespace}/${serviceAccount}]"`;
	const pool = identityProvider.replace(/\/providers\/[^/]*$/, "");
	return `"principal:${pool}/subject/system:serviceaccount:${namespace}:${serviceAccount}"`;
}
