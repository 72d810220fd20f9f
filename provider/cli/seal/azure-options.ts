import type { ParseArgsOptionsConfig } from "node:util";
import { readVaultKeyName, type VaultKeyName, vaultKeyRemedy } from "../../sealing/vault-key.ts";
import { parseSealOptions, SealUsageError } from "./options.ts";
import { type EntryOptions, readEntryOptions, workloadFlags } from "./workload-options.ts";

export interface AzureSealOptions extends EntryOptions<"azure"> {
	readonly key: VaultKeyName;
}

export const azureUsage = `claviger seal azure: encrypt a value for a key of Azure Key Vault, and print the entry for a SecretProviderClass

Usage: claviger seal azure --key KEY --namespace NS --service-account SA --object FILE [OPTIONS] < VALUE

The value comes from standard input, byte for byte, or from --file. It is encrypted here, for the public part of the
key; Key Vault is asked for that alone. Only pods of that namespace and service account can have it decrypted, and
only as that file.

  --key KEY                identifier of an RSA key, https://VAULT.vault.azure.net/keys/NAME[/VERSION]; the version that
                           encrypts is written into the entry
  --namespace NS           the pods' namespace
  --service-account SA     the pods' service account
  --object FILE            the path of the file that the value becomes (objectAlias)
  --bind KIND              object; serviceAccount: as any file of its pods; namespace: any service account of it; none:
                           any pod whose client may use the key, where the administrator allows such values (object)
  --file FILE              read the value from a file
  --trim-newline           drop one newline at the value's end
  --dialect NAME           azure or claviger: whose entry to print (azure)
  --store NAME             the store's name, for --dialect claviger (main)

Azure credentials are your own: those of AZURE_CLIENT_ID and its family, else of az, azd or Az PowerShell. They need the
right to get the key. HTTPS_PROXY and NODE_EXTRA_CA_CERTS are honoured, and AZURE_AUTHORITY_HOST in other clouds.
Nothing shows the value. Exit code: 0 done, 1 failed, 2 wrong usage.
`;

const flags = { key: { type: "string" }, ...workloadFlags } as const satisfies ParseArgsOptionsConfig;

/**
 * Reads the command line; undefined when it asks for help.
 *
 * @throws SealUsageError
 */
export function parseAzureOptions(args: readonly string[]): AzureSealOptions | undefined {
	const values = parseSealOptions(args, flags);
	if (values.help) return undefined;
	if (values.key === undefined) throw new SealUsageError("--key is missing: say which key encrypts.");
	const key = readVaultKeyName(values.key);
	if (key === undefined) throw new SealUsageError(`--key names no key. ${vaultKeyRemedy}`);
	return { key, ...readEntryOptions(values, "azure") };
}
