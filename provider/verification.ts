import { ProviderError } from "./errors.ts";
import { KubernetesClient } from "./kubernetes/client.ts";
import { ApiServerKeys } from "./kubernetes/token-keys.ts";
import { TokenReviewVerifier } from "./kubernetes/token-review.ts";
import type { ServeOptions } from "./options.ts";
import { KeyFile } from "./policy/key-file.ts";
import { KeyVerifier } from "./policy/key-verifier.ts";
import type { TokenVerifier } from "./policy/verifier.ts";

/** The provider's own client of the API server; undefined outside a cluster. */
export function kubernetesClient(options: ServeOptions): KubernetesClient | undefined {
	if (options.kubernetesApi === undefined) return undefined;
	return new KubernetesClient({ address: options.kubernetesApi, tokenFile: options.kubernetesTokenFile, caFile: options.kubernetesCaFile });
}

/**
 * What pods' tokens are verified with; undefined when that is off.
 *
 * @throws ProviderError `invalid` when the means are missing
 */
export function tokenVerifier(options: ServeOptions, kubernetes: KubernetesClient | undefined): TokenVerifier | undefined {
	if (options.tokenVerification === "off") return undefined;
	if (options.tokenVerification === "review") {
		if (kubernetes === undefined) throw needsApi("--token-verification review");
		return new TokenReviewVerifier(kubernetes);
	}
	if (options.tokenKeysFile !== undefined) return new KeyVerifier(new KeyFile(options.tokenKeysFile), options.tokenIssuer);
	if (kubernetes === undefined) throw needsApi("--token-verification keys without --token-keys");
	return new KeyVerifier(new ApiServerKeys(kubernetes), options.tokenIssuer);
}

export function needsApi(flag: string): ProviderError {
	return new ProviderError("invalid", `${flag} needs the API server.`, { remedy: "Give --kubernetes-api, or run inside the cluster." });
}
