import { ProviderError } from "../../errors.ts";
import { isJsonArray, isJsonObject, type JsonObject, jsonMember, parseJson } from "../../shared/json.ts";
import type { Found } from "../store.ts";
import type { AzureRef, PublicJwk } from "./ref.ts";

/** One version of a thing, as what stands for it in a file; see ref.ts. */
export type StoredVersion = StoredSecret | StoredKey | StoredCertificate;

export interface StoredSecret {
	readonly kind: "secret";
	readonly value: string;
	/** Of a certificate's secret that is wanted as PEM. */
	readonly pem: string | undefined;
}

export interface StoredKey {
	readonly kind: "key";
	readonly jwk: PublicJwk;
}

export interface StoredCertificate {
	readonly kind: "certificate";
	/** X.509, DER. */
	readonly der: Buffer;
}

const known = new WeakMap<Found, readonly JsonObject[]>();

/** The bundles of a value that was asked for as such, newest first. They are parsed once for all files. */
export function bundlesIn(found: Found): readonly JsonObject[] {
	const before = known.get(found);
	if (before !== undefined) return before;
	const document = parseJson(found.value.reveal().toString("utf8"));
	const bundles = (isJsonArray(document) ? document : [document]).filter(isJsonObject);
	known.set(found, bundles);
	return bundles;
}

/** @throws ProviderError `internal` when the session made no such bundle */
export function versionOf(bundle: JsonObject, { kind }: Pick<AzureRef, "kind">): StoredVersion {
	const [value, pem, jwk, cer] = ["value", "pem", "jwk", "cer"].map((member) => jsonMember(bundle, member));
	if (kind === "secret" && typeof value === "string") return { kind, value, pem: typeof pem === "string" ? pem : undefined };
	if (kind === "key" && isJsonObject(jwk)) return { kind, jwk: publicJwk(jwk) };
	if (kind === "certificate" && typeof cer === "string") return { kind, der: Buffer.from(cer, "base64") };
	throw new ProviderError("internal", `A value of Key Vault is no bundle of a ${kind}.`);
}

const jwkMembers = ["kty", "crv", "n", "e", "x", "y"] as const;

function publicJwk(jwk: JsonObject): PublicJwk {
	const texts = jwkMembers.flatMap((member) => {
		const text = jsonMember(jwk, member);
		return typeof text === "string" ? [[member, text] as const] : [];
	});
	return { kty: "", ...Object.fromEntries(texts) };
}
