import type { ParseArgsOptionsConfig } from "node:util";
import { additionalTextProblem, cryptoKeyLocation, cryptoKeyRemedy } from "../../sealing/crypto-key.ts";
import type { SealedFor } from "../../sealing/workload.ts";
import { checkedEndpoint, parseSealOptions, SealUsageError } from "./options.ts";
import { type EntryOptions, readEntryOptions, workloadFlags } from "./workload-options.ts";

export interface GcpSealOptions extends EntryOptions<"gcp"> {
	/** `projects/P/locations/L/keyRings/R/cryptoKeys/K`. */
	readonly keyName: string;
	readonly endpoint: string;
}

export const gcpUsage = `claviger seal gcp: encrypt a value with a key of Google Cloud KMS, and print the entry for a SecretProviderClass

Usage: claviger seal gcp --key KEY --namespace NS --service-account SA --object FILE [OPTIONS] < VALUE

The value comes from standard input, byte for byte, or from --file, up to 65536 bytes (8 KiB for a key in an HSM). Only
pods of that namespace and service account can have it decrypted, and only as that file.

  --key KEY                projects/P/locations/L/keyRings/R/cryptoKeys/K, a symmetric key
  --namespace NS           the pods' namespace
  --service-account SA     the pods' service account
  --object FILE            the path of the file that the value becomes
  --bind KIND              object; serviceAccount: as any file of its pods; namespace: any service account of it; none:
                           any pod whose identity may use the key, where the administrator allows such values (object)
  --aad TEXT               with --bind none: additional authenticated data
  --file FILE              read the value from a file
  --trim-newline           drop one newline at the value's end
  --dialect NAME           gcp or claviger: whose entry to print (gcp)
  --store NAME             the store's name, for --dialect claviger (main)
  --endpoint URL           another address of Cloud KMS; https, or http on this machine

Google credentials are your own application default credentials (gcloud auth application-default login, or
GOOGLE_APPLICATION_CREDENTIALS). They need roles/cloudkms.cryptoKeyEncrypter on the key. HTTPS_PROXY is honoured.
Nothing shows the value. Exit code: 0 done, 1 failed, 2 wrong usage.
`;

const flags = {
	key: { type: "string" },
	aad: { type: "string" },
	endpoint: { type: "string" },
	...workloadFlags,
} as const satisfies ParseArgsOptionsConfig;

/**
 * Reads the command line; undefined when it asks for help.
 *
 * @throws SealUsageError
 */
export function parseGcpOptions(args: readonly string[]): GcpSealOptions | undefined {
	const values = parseSealOptions(args, flags);
	if (values.help) return undefined;
	const { key: keyName, aad, endpoint } = values;
	if (keyName === undefined) throw new SealUsageError("--key is missing: say which key encrypts.");
	if (cryptoKeyLocation(keyName) === undefined) throw new SealUsageError(`--key names no key. ${cryptoKeyRemedy}`);
	const common = readEntryOptions(values, "gcp");
	return {
		...common,
		keyName,
		endpoint: endpoint === undefined ? "https://cloudkms.googleapis.com" : checkedEndpoint(endpoint).replace(/\/+$/, ""),
		sealedFor: withText(common.sealedFor, aad),
	};
}

function withText(sealedFor: SealedFor, text: string | undefined): SealedFor {
	if (text === undefined) return sealedFor;
	if (sealedFor.kind !== "none") throw new SealUsageError("--aad goes with --bind none: it is made of namespace and service account.");
	const problem = additionalTextProblem(text);
	if (problem !== undefined) throw new SealUsageError(`--aad ${problem}.`);
	return { ...sealedFor, text };
}
