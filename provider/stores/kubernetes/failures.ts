import { ProviderError } from "../../errors.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import type { Absent, Denied, Identity } from "../store.ts";
import type { KubernetesInstance } from "./instance.ts";
import type { KubernetesRef } from "./ref.ts";
import { readStatus } from "./status.ts";

/** A read, for messages. */
export interface FailedRead {
	readonly instance: KubernetesInstance;
	readonly identity: Identity;
	readonly ref: KubernetesRef;
}

/** How the API server is called in messages. */
export function serverOf({ endpoints, isThisCluster }: KubernetesInstance): string {
	return isThisCluster === true ? "The API server" : `The API server at ${endpoints.join(", ")}`;
}

/**
 * What an answer other than 200 means.
 *
 * @throws ProviderError `unidentified` when the token is not taken, `unreachable` for whatever says nothing of the Secret
 */
export function failedOutcome(answer: Pick<HttpAnswer, "status" | "body">, read: FailedRead): Absent | Denied {
	const status = readStatus(answer.body);
	if (status === undefined) throw noAnswer(answer.status, read, "something that no API server says");
	if (answer.status === 401) throw notTaken(read);
	if (answer.status === 403) return { kind: "denied", error: notAllowed(read) };
	if (answer.status === 404 && status.about === "secrets") return { kind: "absent", error: notThere(read) };
	throw noAnswer(answer.status, read, `the reason ${status.reason === "" ? "unknown" : JSON.stringify(status.reason.slice(0, 60))}`);
}

function describe({ namespace, secret }: KubernetesRef): string {
	return `Secret ${JSON.stringify(secret)} in the namespace ${namespace}`;
}

/** An answer, or the lack of one, that is no reason to take a secret away. */
export function noAnswer(status: number, { instance, ref }: FailedRead, what: string): ProviderError {
	return new ProviderError(
		"unreachable",
		`${serverOf(instance)} answered ${status} to the request for the ${describe(ref)}, with ${what}.`,
		{
			stage: "read",
			remedy: "Check the API server, and what stands between it and this node.",
		},
	);
}

function notThere({ instance, ref }: FailedRead): ProviderError {
	const { namespace, secret } = ref;
	return new ProviderError("absent", `${serverOf(instance)} has no ${describe(ref)}.`, {
		stage: "read",
		remedy: `Make it (kubectl create secret generic ${secret} --namespace ${namespace} --from-file=…), or mark the object optional.`,
	});
}

/** Who has no right is not told whether there is such a Secret. */
function notAllowed({ instance, identity, ref }: FailedRead): ProviderError {
	const { namespace, secret } = ref;
	const account = `${identity.namespace}:${identity.serviceAccount}`;
	const role = `claviger-${secret}`;
	const create = `kubectl create role ${role} --namespace ${namespace} --verb=get,watch --resource=secrets --resource-name=${secret}`;
	const subject = instance.isThisCluster === true ? `--serviceaccount=${account}` : "--user=… (what that cluster makes of the token)";
	const bind = `kubectl create rolebinding ${role}-${identity.serviceAccount} --namespace ${namespace} --role=${role} ${subject}`;
	return new ProviderError(
		"denied",
		`${serverOf(instance)} does not let the service account ${account.replace(":", "/")} get the ${describe(ref)}; whether there is one, it does not say.`,
		{ stage: "read", remedy: `Run: ${create} && ${bind}` },
	);
}

function notTaken({ instance, identity }: FailedRead): ProviderError {
	const message = `${serverOf(instance)} does not take the token of the service account ${identity.namespace}/${identity.serviceAccount}`;
	const remedy =
		instance.isThisCluster === true
			? 'Its pod or account is gone, or kubelet made it for another audience than the API server\'s (--api-audiences): spec.tokenRequests of the CSIDriver secrets-store.csi.k8s.io needs the entry {audience: ""}.'
			: `Let its authentication configuration trust this cluster's issuer with the audience ${JSON.stringify(identity.audience)}, and bind the user that it makes of the token to a role there.`;
	return new ProviderError("unidentified", `${message}.`, { stage: "read", remedy });
}

/** Watching is not allowed, which is no failure: the poll sees what changes. */
export function notWatchable({ instance, identity, ref }: FailedRead): ProviderError {
	const account = `${identity.namespace}/${identity.serviceAccount}`;
	return new ProviderError(
		"denied",
		`${serverOf(instance)} does not let the service account ${account} watch the ${describe(ref)}, so changes are seen at the poll interval only.`,
		{
			remedy: `Add the verb watch beside get in its role: kubectl edit roles --namespace ${ref.namespace}`,
		},
	);
}
