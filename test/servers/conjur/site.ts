import type { ExecutionContext } from "ava";
import type { Pod } from "../../../provider/plan/mount-request.ts";
import { createTokenIssuer, type TokenIssuer } from "../../support/token-issuer.ts";
import { type Conjur, type ConjurOptions, startConjur } from "./conjur.ts";

export const service = "kube";
export const audience = "conjur";
/** The policy branch of the hosts. */
export const branch = "apps";

export interface Site {
	readonly conjur: Conjur;
	readonly issuer: TokenIssuer;
}

/** A server that lets in the pods of one issuer, by their service accounts: the host is named by the claim `sub`. */
export async function openSite(t: ExecutionContext<unknown> | undefined, options: ConjurOptions = {}): Promise<Site> {
	const [conjur, issuer] = await Promise.all([startConjur(t, options), createTokenIssuer()]);
	conjur.authenticators.add(service, { ...issuer, audience, tokenAppProperty: "sub", identityPath: branch });
	return { conjur, issuer };
}

/** The login of a pod's host. */
export function hostOf({ namespace, serviceAccount }: Pick<Pod, "namespace" | "serviceAccount">): string {
	return `host/${branch}/system:serviceaccount:${namespace}:${serviceAccount}`;
}

/**
 * Makes the host of a pod's service account, which may log in and read some variables.
 *
 * @returns its login
 */
export function letIn(conjur: Conjur, pod: Pick<Pod, "namespace" | "serviceAccount">, variables: readonly string[] = []): string {
	const login = hostOf(pod);
	conjur.policy.addHost(login, {
		[`authn-jwt/${service}/kubernetes.io/namespace`]: pod.namespace,
		[`authn-jwt/${service}/kubernetes.io/serviceaccount/name`]: pod.serviceAccount,
	});
	conjur.policy.permit(login, ["read", "authenticate"], `webservice:conjur/authn-jwt/${service}`);
	for (const id of variables) conjur.policy.permit(login, ["read", "execute"], `variable:${id}`);
	return login;
}
