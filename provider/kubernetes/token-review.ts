import { ProviderError } from "../errors.ts";
import { quote } from "../plan/fields.ts";
import type { TokenVerifier } from "../policy/verifier.ts";
import type { Secret } from "../shared/secret.ts";
import type { KubernetesClient } from "./client.ts";

/**
 * Asks the API server about a token (authentication.k8s.io/v1 TokenReview). Beside the signature it
 * knows whether the pod and the service account still exist.
 */
export class TokenReviewVerifier implements TokenVerifier {
	readonly #client: KubernetesClient;

	constructor(client: KubernetesClient) {
		this.#client = client;
	}

	async verify(token: Secret, audience: string, signal: AbortSignal): Promise<void> {
		const review = {
			apiVersion: "authentication.k8s.io/v1",
			kind: "TokenReview",
			// Without audiences the API server looks for its own.
			spec: { token: token.reveal().toString("latin1"), ...(audience === "" ? {} : { audiences: [audience] }) },
		};
		const { status, body } = await this.#client.call("POST", "/apis/authentication.k8s.io/v1/tokenreviews", signal, review);
		if (status !== 200 && status !== 201) {
			throw new ProviderError("unreachable", `The API server answered ${status} to a TokenReview.`, {
				remedy: "Bind the provider's service account to the ClusterRole system:auth-delegator.",
			});
		}
		const result = (body as { status?: { authenticated?: unknown; audiences?: unknown } } | undefined)?.status;
		const audiences: readonly unknown[] = Array.isArray(result?.audiences) ? result.audiences : [];
		if (result?.authenticated === true && (audience === "" || audiences.includes(audience))) return;
		throw new ProviderError("unidentified", `The API server does not accept the token for audience ${quote(audience)}.`, {
			remedy: "Let kubelet supply the token; if it did, its pod or service account is gone.",
			rule: "token-signature",
		});
	}
}
