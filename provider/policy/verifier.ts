import type { Secret } from "../shared/secret.ts";

/** Proves that a token was issued by the cluster and is valid now. */
export interface TokenVerifier {
	/** @throws ProviderError `unidentified` when it is not, `unreachable` when it cannot be found out */
	verify(token: Secret, audience: string, signal: AbortSignal): Promise<void>;
}
