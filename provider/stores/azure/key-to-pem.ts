import { createPublicKey, type JsonWebKey } from "node:crypto";
import { ProviderError } from "../../errors.ts";
import { quote } from "../../plan/fields.ts";
import type { PublicJwk } from "./ref.ts";

/**
 * The public part of a key as SubjectPublicKeyInfo in PEM.
 *
 * @param name the key's, for the message
 * @throws ProviderError `invalid` for a key that has no public part, or one of a curve that OpenSSL does not know
 */
export function publicKeyPem(jwk: PublicJwk, name: string): string {
	const { kty, crv } = jwk;
	// A key's place, an HSM, changes nothing of its public part. RFC 8812 has another name for the curve than Key Vault.
	const standard: JsonWebKey = { ...jwk, kty: kty.replace(/-HSM$/, ""), ...(crv === "P-256K" ? { crv: "secp256k1" } : {}) };
	try {
		return createPublicKey({ key: standard, format: "jwk" }).export({ type: "spki", format: "pem" }).toString();
	} catch (cause) {
		throw new ProviderError("invalid", `The key ${quote(name)} is of type ${quote(kty)}, which has no public part to deliver.`, {
			stage: "read",
			legacyText: `failed to get key. key type '${kty.slice(0, 40)}' currently not supported`,
			remedy: "Name an RSA or EC key.",
			cause,
		});
	}
}
