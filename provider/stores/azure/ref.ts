import type { Ref } from "../store.ts";
import type { CiphertextRef } from "./ciphertext-ref.ts";

/** What Key Vault keeps, under the names that today's provider has for them. */
export type ObjectKind = "secret" | "key" | "certificate";

/** What Key Vault allows as a name. Source: Key Vault, "Objects, identifiers, and versioning". */
export const objectNameForm = /^[0-9a-zA-Z-]{1,127}$/;

/** Wider than what versions look like (32 hexadecimal digits): the vault says that it has none of another form. */
export const objectVersionForm = /^[0-9a-zA-Z-]{0,64}$/;

/** More versions of a thing Key Vault itself does not back up. Source: Key Vault, "Backup", limitations. */
export const maximumHistory = 500;

/** What all have in common that a vault is asked about. */
export interface VaultRef extends Ref {
	/** In the vault: letters, digits and dashes. */
	readonly name: string;
	/** 32 hexadecimal digits; empty for the newest. With a history: the version that it begins with. */
	readonly version: string;
	/**
	 * How many versions are wanted, from the newest or from `version` backwards, disabled ones left out; 0: one version,
	 * whatever its state. Of an object that has fewer versions there are fewer.
	 */
	readonly history: number;
	/**
	 * What is given as the value. `plain`: a secret's text, a key's public part as `PUBLIC KEY` PEM, a certificate as
	 * `CERTIFICATE` PEM; only without history. `bundle`: JSON of a {@link SecretBundle}, {@link KeyBundle} or
	 * {@link CertificateBundle}, or with history of a list of them, newest first.
	 */
	readonly form: "plain" | "bundle";
	/**
	 * Of secrets alone: a certificate's is given as PEM, with its certificates in this order. As `plain` in the place of
	 * what is stored, in a bundle beside it. Absent: only as it is stored.
	 */
	readonly pem?: PemOrder;
}

/** `stored`: as the PKCS#12 container has them. `leaf-first`: up to the root. What is stored as PEM stays as it is. */
export type PemOrder = "leaf-first" | "stored";

/** Source: Key Vault REST API, Get Secret. */
export interface SecretRef extends VaultRef {
	readonly kind: "secret";
}

/** Source: Key Vault REST API, Get Key. */
export interface KeyRef extends VaultRef {
	readonly kind: "key";
}

/** Source: Key Vault REST API, Get Certificate. */
export interface CertificateRef extends VaultRef {
	readonly kind: "certificate";
}

/** One version of a secret. */
export interface SecretBundle {
	/** 32 hexadecimal digits. */
	readonly version: string;
	readonly value: string;
	/** Empty when it has none. */
	readonly contentType: string;
	/** Whether it is the secret part of a certificate: the API names its key then. */
	readonly ofCertificate: boolean;
	/** Of a certificate, where the ref asks for it: private key as PKCS#8, then certificates. */
	readonly pem?: string;
}

/** The public part of one version of a key. */
export interface KeyBundle {
	readonly version: string;
	/** JSON Web Key (RFC 7517) with the members of the public part only: `kty`, `n`, `e`, `crv`, `x`, `y`. */
	readonly jwk: PublicJwk;
}

export interface PublicJwk {
	/** `RSA`, `RSA-HSM`, `EC`, `EC-HSM`, or another that has no public part. */
	readonly kty: string;
	/** As Key Vault names it, such as `P-256` or `P-256K`. */
	readonly crv?: string;
	/** The numbers are base64url. */
	readonly n?: string;
	readonly e?: string;
	readonly x?: string;
	readonly y?: string;
}

/** One version of a certificate. */
export interface CertificateBundle {
	readonly version: string;
	/** The leaf, DER in base64. */
	readonly cer: string;
}

/** A thing in the vault, as against a value that lies encrypted in the SecretProviderClass. */
export type StoredRef = SecretRef | KeyRef | CertificateRef;

export type AzureRef = StoredRef | CiphertextRef;

type Unkeyed<Kind extends StoredRef> = Omit<Kind, "key" | "leased">;

/** All that makes a difference is in the key, so that no two different things share a value. */
export function makeStoredRef(parts: Unkeyed<StoredRef>): StoredRef {
	const { kind, name, version, history, form, pem = "" } = parts;
	// Key Vault does not tell names apart by case, and today's classes are written as people like.
	return { ...parts, key: JSON.stringify([kind, name.toLowerCase(), version.toLowerCase(), history, form, pem]) };
}
