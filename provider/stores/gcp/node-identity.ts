import { ProviderError } from "../../errors.ts";
import type { AccessToken, LoginParts } from "./login-parts.ts";
import { askMetadata, outage } from "./metadata.ts";
import { readTokenAnswer } from "./token-answer.ts";

/**
 * Asks the node for a token of its own service account, for pods of namespaces that the administrator has named.
 *
 * @throws ProviderError `refused` for pods of any other namespace, `unreachable` without an answer
 */
export async function askNode(parts: LoginParts): Promise<AccessToken> {
	const { instance, identity } = parts;
	if (!instance.nodeIdentityNamespaces.includes(identity.namespace)) throw notAllowed(identity.namespace);
	const sentAt = Date.now();
	const { status, body } = await askMetadata(parts, "instance/service-accounts/default/token");
	if (status === 404) {
		throw new ProviderError("invalid", "The node has no service account of Google's.", {
			stage: "login",
			remedy: "Give the node pool one, or let pods log in as themselves: auth: pod-adc, identity: pod.",
		});
	}
	const token = status === 200 ? readTokenAnswer(body, sentAt) : undefined;
	if (token !== undefined) return token;
	throw outage(`The node's metadata server gave no token (status ${status}).`);
}

function notAllowed(namespace: string): ProviderError {
	return new ProviderError("refused", `The node's identity is not for pods of the namespace ${namespace}.`, {
		stage: "login",
		remedy: `Let the pods log in as themselves (auth: pod-adc, identity: pod); or ask the administrator to add ${namespace} to nodeIdentity.namespaces of the store or of dialects.gcp.`,
	});
}
