import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Secret } from "../shared/secret.ts";

/** Proves that a token was issued by the cluster and is valid now. */
export interface TokenVerifier {
	/** @throws ProviderError `unidentified` when it is not, `unreachable` when it cannot be found out */
	verify(token: Secret, audience: string, signal: AbortSignal): Promise<void>;
}

/** A proof holds this long: kubelet sends one token for the most of an hour, and each Mount carries it again. */
const provenMilliseconds = 60_000;
const maximumProofs = 4096;

/** Remembers proofs by the token's digest, so that a Mount costs no signature check and no API call. */
export class RememberingVerifier implements TokenVerifier {
	readonly #inner: TokenVerifier;
	readonly #proven = new LRUCache<string, true>({ max: maximumProofs, ttl: provenMilliseconds });

	constructor(inner: TokenVerifier) {
		this.#inner = inner;
	}

	async verify(token: Secret, audience: string, signal: AbortSignal): Promise<void> {
		const key = createHash("sha256").update(audience).update("\0").update(token.reveal()).digest("base64url");
		if (this.#proven.has(key)) return;
		await this.#inner.verify(token, audience, signal);
		this.#proven.set(key, true);
	}
}
