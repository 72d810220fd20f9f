import { createLocalJWKSet, errors, type JSONWebKeySet, jwtVerify } from "jose";
import { ProviderError } from "../errors.ts";
import { quote } from "../plan/fields.ts";
import type { Secret } from "../shared/secret.ts";
import type { TokenVerifier } from "./verifier.ts";

/** Where the cluster's public token keys come from. */
export interface KeySource {
	/** The keys as known now. */
	keys(signal: AbortSignal): Promise<JSONWebKeySet>;
	/** Looks again, because a token names a key that is not among them. */
	refresh(signal: AbortSignal): Promise<JSONWebKeySet>;
}

/** The algorithms that API servers sign with; `none` and shared secrets are not among them. */
const algorithms = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA"];

/** Verifies tokens by their signature, without asking anybody while the keys stay the same. */
export class KeyVerifier implements TokenVerifier {
	readonly #source: KeySource;
	readonly #issuer: string | undefined;

	/** @param issuer the only issuer accepted; undefined accepts any that signs with the keys */
	constructor(source: KeySource, issuer?: string) {
		this.#source = source;
		this.#issuer = issuer;
	}

	async verify(token: Secret, audience: string, signal: AbortSignal): Promise<void> {
		try {
			await this.#check(token, audience, await this.#source.keys(signal));
		} catch (reason) {
			if (!(reason instanceof errors.JWKSNoMatchingKey)) throw refusal(reason, audience);
			await this.#check(token, audience, await this.#source.refresh(signal)).catch((second: unknown) => {
				throw refusal(second, audience);
			});
		}
	}

	async #check(token: Secret, audience: string, keys: JSONWebKeySet): Promise<void> {
		// The API server's own tokens have audiences that only it knows, and looks at when it is asked.
		const expected = audience === "" ? {} : { audience };
		const options = { ...expected, algorithms, clockTolerance: 10, requiredClaims: ["exp"] };
		const text = token.reveal().toString("latin1");
		await jwtVerify(text, createLocalJWKSet(keys), this.#issuer === undefined ? options : { ...options, issuer: this.#issuer });
	}
}

function refusal(reason: unknown, audience: string): ProviderError {
	if (reason instanceof ProviderError) return reason;
	const problem =
		reason instanceof errors.JWTExpired
			? "has expired"
			: reason instanceof errors.JWTClaimValidationFailed
				? `fails the check of its claim ${quote(reason.claim)}`
				: "is not signed by this cluster";
	return new ProviderError("unidentified", `The token for audience ${quote(audience)} ${problem}.`, {
		remedy: "Let kubelet supply the token; if it did, check the provider's --token-keys and --token-issuer.",
		rule: reason instanceof errors.JWTExpired ? "expired-token" : "token-signature",
		cause: reason,
	});
}
