import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { cloudNamed } from "../clouds.ts";
import { defaultTenant } from "../entra/directory.ts";
import { type KeyOptions, makeKey } from "./key-material.ts";
import {
	type AttributeChanges,
	changeAttributes,
	type Kind,
	type Permissions,
	Vault,
	type VaultObject,
	type VersionOptions,
} from "./vault.ts";

export interface NewVault {
	/** Default {@link defaultTenant}. */
	readonly tenant?: string;
	/** As `cloudName` calls it; default `AzurePublicCloud`. */
	readonly cloud?: string;
	/** Whose words a caller without permission is told: access policies' (default) or Azure RBAC's. */
	readonly authorization?: "policies" | "roles";
}

export interface SecretOptions extends VersionOptions {
	readonly contentType?: string;
}

export interface CertificateOptions extends VersionOptions {
	/** The leaf, PEM. */
	readonly certificate: string;
	/** PEM. */
	readonly privateKey: string;
	/** What the certificate's secret holds: PEM text, or PKCS#12 in base64. */
	readonly secret: string;
	readonly contentType: "application/x-pem-file" | "application/x-pkcs12";
}

const largestSecret = 25 * 1024;

/** All vaults of all clouds. One that is written to is there; names are of letters, digits and dashes, 3 to 24. */
export class Vaults {
	readonly #vaults = new Map<string, Vault>();

	/** An empty vault, in the place of one with this name. */
	add(name: string, { tenant = defaultTenant, cloud = "AzurePublicCloud", authorization = "policies" }: NewVault = {}): void {
		if (!/^[0-9a-zA-Z-]{3,24}$/.test(name)) throw new Error(`${name} is no name of a vault`);
		this.#vaults.set(name.toLowerCase(), new Vault(name, { tenant, cloud: cloudNamed(cloud), authorization }));
	}

	/** The vault at a host name, such as `kv-main.vault.azure.net`. */
	atHost(host: string): Vault | undefined {
		return [...this.#vaults.values()].find((vault) => vault.host === host);
	}

	hostOf(vault: string): string {
		return this.#vault(vault).host;
	}

	/** What a client may do in a vault from now on, instead of what it might before. */
	allow(client: string, vault: string, permissions: Permissions): void {
		this.#vault(vault).permissions.set(client, permissions);
	}

	/** How many requests are answered in a time, before the rest is told to come back later; undefined: any number. */
	limit(vault: string, quota: { readonly requests: number; readonly milliseconds: number } | undefined): void {
		this.#vault(vault).quota.set(quota);
	}

	/** @returns the new version's id */
	putSecret(vault: string, name: string, value: string, { contentType, ...options }: SecretOptions = {}): string {
		if (Buffer.byteLength(value) > largestSecret) throw new Error(`a secret of Key Vault holds at most ${largestSecret} bytes`);
		return this.#vault(vault).add(name, { kind: "secrets", value, contentType, ofCertificate: false }, options);
	}

	/** @returns the new version's id, and the public key unless it is symmetric */
	async putKey(vault: string, name: string, options: KeyOptions & VersionOptions = {}): Promise<NewKey> {
		const material = await makeKey(options);
		const version = this.#vault(vault).add(name, { kind: "keys", material, ofCertificate: false }, options);
		return { version, publicKey: material.publicKey };
	}

	/** Also makes the certificate's key and its secret. @returns the version's id, which is the same for all three */
	putCertificate(vault: string, name: string, { certificate, privateKey, secret, contentType, ...options }: CertificateOptions): string {
		const leaf = new X509Certificate(certificate);
		const key = createPrivateKey(privateKey);
		const type = key.asymmetricKeyType === "ec" ? "EC" : "RSA";
		const material = { type, operations: ["sign", "verify"], privateKey: key, publicKey: createPublicKey(key) } as const;
		const target = this.#vault(vault);
		const version = target.add(name, { kind: "certificates", der: leaf.raw, subject: leaf.subject, contentType }, options);
		target.add(name, { kind: "keys", material, ofCertificate: true }, { ...options, version });
		target.add(name, { kind: "secrets", value: secret, contentType, ofCertificate: true }, { ...options, version });
		return version;
	}

	/** Changes a version, or the newest one where none is named. */
	change(vault: string, kind: Kind, name: string, changes: AttributeChanges, version?: string): void {
		changeAttributes(this.#object(vault, kind, name), version, changes);
	}

	/** Deletes softly: it can be recovered, and its name cannot be used until it is purged. */
	delete(vault: string, kind: Kind, name: string): void {
		this.#object(vault, kind, name).deletedAt = new Date();
	}

	recover(vault: string, kind: Kind, name: string): void {
		this.#object(vault, kind, name).deletedAt = undefined;
	}

	/** Removes for good. */
	purge(vault: string, kind: Kind, name: string): void {
		this.#vault(vault).purge(kind, name);
	}

	#vault(name: string): Vault {
		const known = this.#vaults.get(name.toLowerCase());
		if (known !== undefined) return known;
		this.add(name);
		return this.#vault(name);
	}

	#object(vault: string, kind: Kind, name: string): VaultObject {
		const object = this.#vault(vault).find(kind, name);
		if (object === undefined) throw new Error(`the vault ${vault} has none of ${kind} called ${name}`);
		return object;
	}
}

export interface NewKey {
	readonly version: string;
	readonly publicKey: KeyObject | undefined;
}
