import { createPublicKey, type KeyObject } from "node:crypto";
import type { TokenCredential } from "@azure/core-auth";
import type { KeyVaultKey } from "@azure/keyvault-keys";
import type { VaultKeyName } from "../../sealing/vault-key.ts";
import { azureSealFailure } from "./azure-failures.ts";
import { sealFailure } from "./failure.ts";

const deadlineMilliseconds = 60_000;

/** The public part of one version of a key. */
export interface PublicVaultKey {
	/** 32 hexadecimal digits. */
	readonly version: string;
	readonly publicKey: KeyObject;
}

/**
 * Asks Key Vault for the public part of a key, with the credentials of whoever runs this.
 *
 * @throws ProviderError `denied` without rights or credentials, `absent` without the key, `invalid` for a key that does
 * not fit, `unreachable` without Key Vault
 */
export async function fetchPublicKey(key: VaultKeyName): Promise<PublicVaultKey> {
	const { KeyClient } = await import("@azure/keyvault-keys");
	const { vaultUrl, name, version } = key;
	let found: KeyVaultKey;
	try {
		const client = new KeyClient(vaultUrl, await findCredential(), { retryOptions: { maxRetries: 1 } });
		const abortSignal = AbortSignal.timeout(deadlineMilliseconds);
		found = await client.getKey(name, version === "" ? { abortSignal } : { version, abortSignal });
	} catch (error) {
		throw azureSealFailure(error, key);
	}
	return usable(found, key);
}

/** The credentials that the Azure command line would use. The metadata service of a virtual machine is not asked: that is nobody's own. */
async function findCredential(): Promise<TokenCredential> {
	const identity = await import("@azure/identity");
	// Without its variables this one cannot even be made.
	const workload = process.env["AZURE_FEDERATED_TOKEN_FILE"] === undefined ? [] : [new identity.WorkloadIdentityCredential()];
	return new identity.ChainedTokenCredential(
		new identity.EnvironmentCredential(),
		...workload,
		new identity.AzureCliCredential(),
		new identity.AzureDeveloperCliCredential(),
		new identity.AzurePowerShellCredential(),
	);
}

/** Key Vault itself would encrypt nothing with a key that has ended, is disabled, or is not made for it. */
function usable({ key, keyOperations, properties }: KeyVaultKey, name: VaultKeyName): PublicVaultKey {
	const { version, enabled, expiresOn } = properties;
	const refuse = (says: string, remedy: string) => sealFailure(["invalid", says, remedy], { key: `${name.vaultUrl}/keys/${name.name}` });
	if (enabled === false) throw refuse("The key is disabled", "Enable it, or use another.");
	if (expiresOn !== undefined && expiresOn.getTime() <= Date.now())
		throw refuse("The key has expired", "Use a newer version, or another key.");
	if (key?.n === undefined || key.e === undefined || !/^RSA(?:-HSM)?$/.test(key.kty ?? ""))
		throw refuse("The key is not an RSA key", "Use one of type RSA or RSA-HSM.");
	if (keyOperations !== undefined && !keyOperations.includes("unwrapKey"))
		throw refuse("The key is not one that unwraps keys", "Allow the operation unwrapKey on it, or use another.");
	if (version === undefined) throw refuse("Key Vault tells no version of the key", "Check that --key leads to Key Vault itself.");
	const number = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");
	return { version, publicKey: createPublicKey({ key: { kty: "RSA", n: number(key.n), e: number(key.e) }, format: "jwk" }) };
}
