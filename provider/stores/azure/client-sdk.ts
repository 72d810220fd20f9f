import type { TokenCredential } from "@azure/core-auth";
import type { HttpClient } from "@azure/core-rest-pipeline";
import type { CertificateClient } from "@azure/keyvault-certificates";
import type { KeyClient } from "@azure/keyvault-keys";
import type { SecretClient } from "@azure/keyvault-secrets";
import { runtimeVersion } from "../../shared/runtime-version.ts";
import type { AzureInstance } from "./instance.ts";
import type { Servers } from "./servers.ts";

/** What every client of the SDK is made with. */
export interface SdkSettings {
	readonly vaultUrl: string;
	readonly credential: TokenCredential;
	readonly options: {
		readonly httpClient: HttpClient;
		readonly retryOptions: { readonly maxRetries: number };
		readonly userAgentOptions: { readonly userAgentPrefix: string };
		readonly disableChallengeResourceVerification: boolean;
	};
}

/** Stands where the SDK puts an access token, until the call's own takes its place. */
export const placeholder = "the-token-of-the-call";

/**
 * The SDK's clients for one vault, each made when it is first needed. They belong to no identity: a client takes tens of
 * KiB, and what a call needs of its identity comes with the call.
 */
export class Sdk {
	readonly #instance: AzureInstance;
	readonly #servers: Servers;
	#settings: Promise<SdkSettings> | undefined;
	#secrets: Promise<SecretClient> | undefined;
	#keys: Promise<KeyClient> | undefined;
	#certificates: Promise<CertificateClient> | undefined;

	constructor(instance: AzureInstance, servers: Servers) {
		this.#instance = instance;
		this.#servers = servers;
	}

	settings(): Promise<SdkSettings> {
		this.#settings ??= makeSettings(this.#instance, this.#servers);
		return this.#settings;
	}

	secrets(): Promise<SecretClient> {
		this.#secrets ??= this.#makeSecrets();
		return this.#secrets;
	}

	keys(): Promise<KeyClient> {
		this.#keys ??= this.#makeKeys();
		return this.#keys;
	}

	certificates(): Promise<CertificateClient> {
		this.#certificates ??= this.#makeCertificates();
		return this.#certificates;
	}

	async #makeSecrets(): Promise<SecretClient> {
		const [{ SecretClient }, { vaultUrl, credential, options }] = await Promise.all([import("@azure/keyvault-secrets"), this.settings()]);
		return new SecretClient(vaultUrl, credential, options);
	}

	async #makeKeys(): Promise<KeyClient> {
		const [{ KeyClient }, { vaultUrl, credential, options }] = await Promise.all([import("@azure/keyvault-keys"), this.settings()]);
		return new KeyClient(vaultUrl, credential, options);
	}

	async #makeCertificates(): Promise<CertificateClient> {
		const [{ CertificateClient }, settings] = await Promise.all([import("@azure/keyvault-certificates"), this.settings()]);
		return new CertificateClient(settings.vaultUrl, settings.credential, settings.options);
	}
}

/**
 * Loads the SDK's core, and says everything outright that it would else find out by itself: the vault's challenge is
 * known, the token comes with the call, and it never tries again.
 */
async function makeSettings(
	{ vaultUrl, authority, tenant, resource, hasOwnAddress }: AzureInstance,
	servers: Servers,
): Promise<SdkSettings> {
	const { VaultPipeline } = await import("./pipeline.ts");
	const challenge = `Bearer authorization="${authority}/${tenant}", resource="${resource}"`;
	return {
		vaultUrl,
		credential: { getToken: () => Promise.resolve({ token: placeholder, expiresOnTimestamp: Number.MAX_SAFE_INTEGER }) },
		options: {
			httpClient: new VaultPipeline(servers, challenge),
			retryOptions: { maxRetries: 0 },
			userAgentOptions: { userAgentPrefix: `claviger/${runtimeVersion}` },
			// The SDK compares the resource with the vault's host; only an administrator's address may lie elsewhere.
			disableChallengeResourceVerification: hasOwnAddress,
		},
	};
}
