import { CompactEncrypt } from "jose";
import { jweAlgorithm, jweEncryption } from "../../sealing/jwe.ts";
import { audienceHeader } from "../../sealing/jwe-audience.ts";
import type { SealedFor } from "../../sealing/workload.ts";
import type { CommandStreams } from "../command.ts";
import { fetchPublicKey, type PublicVaultKey } from "./azure-key.ts";
import { type AzureSealOptions, azureUsage, parseAzureOptions } from "./azure-options.ts";
import { entryBlock, entryText, nativeName, type ObjectEntry, sealedUnder } from "./entry.ts";
import { makeKind, type SealKind } from "./kind.ts";
import { withPlaintext } from "./plaintext.ts";
import { describeSealedFor } from "./workload-options.ts";

/** Seals for Azure Key Vault: the ciphertext lies in the class, and the pod's own client has its key unwrapped. */
export const azure: SealKind = makeKind({ usage: azureUsage, parse: parseAzureOptions, seal: sealForAzure });

function sealForAzure(options: AzureSealOptions, io: CommandStreams): Promise<void> {
	return withPlaintext(options.source, io, async (value) => {
		const key = await fetchPublicKey(options.key);
		const ciphertext = await encrypt(value, options.sealedFor, key);
		const isNative = options.dialect === "claviger";
		io.stdout.write(isNative ? entryText(nativeEntry(options, key, ciphertext)) : entryBlock(azureEntry(options, key, ciphertext)));
		const whose = describeSealedFor(options.sealedFor);
		io.stderr.write(`Sealed for ${whose} with the key ${options.key.vaultUrl}/keys/${options.key.name}/${key.version}.\n`);
	});
}

/** A JWE in compact form (RFC 7516), which any tool for JOSE could have made too. */
function encrypt(value: Buffer, sealedFor: SealedFor, { publicKey }: PublicVaultKey): Promise<string> {
	const header = { alg: jweAlgorithm, enc: jweEncryption, ...audienceHeader(sealedFor) };
	return new CompactEncrypt(value).setProtectedHeader(header).encrypt(publicKey);
}

function azureEntry({ key: { name }, sealedFor }: AzureSealOptions, { version }: PublicVaultKey, ciphertext: string): ObjectEntry {
	return { objectName: name, objectType: "decrypt", objectVersion: version, objectAlias: sealedFor.object, ciphertext };
}

function nativeEntry({ key, sealedFor, store }: AzureSealOptions, { version }: PublicVaultKey, ciphertext: string): ObjectEntry {
	const { object } = sealedFor;
	return { name: nativeName(object), store, path: key.name, version, ...sealedUnder(object, "object"), ciphertext };
}
