import type { ParseArgsOptionsConfig } from "node:util";
import type { SealedFor } from "../../sealing/workload.ts";
import { nativeName } from "./entry.ts";
import { parseSealOptions, SealUsageError } from "./options.ts";
import type { PlaintextSource } from "./plaintext.ts";
import { readSealedFor, workloadFlags } from "./workload-options.ts";

export interface ValueSealOptions {
	/** PEM of the installation's public key. */
	readonly publicKeyFile: string;
	readonly sealedFor: SealedFor;
	/** The store's name in the class. */
	readonly store: string;
	readonly source: PlaintextSource;
}

export const valueUsage = `claviger seal value: encrypt a value with the installation's public key, and print the entry for a SecretProviderClass

Usage: claviger seal value --public-key FILE --namespace NS --service-account SA --object NAME [OPTIONS] < VALUE

The value comes from standard input, byte for byte, or from --file. No network and no right is needed to seal, and who
has sealed a value cannot read it again: only pods of that namespace and service account get it, as that object.

  --public-key FILE        the installation's public key, as "claviger seal keys" printed it
  --namespace NS           the pods' namespace; neither it nor the service account need exist yet
  --service-account SA     the pods' service account
  --object NAME            the object's name in the class: letters, digits, _ and -
  --bind KIND              object; serviceAccount: under any name; namespace: for any service account of it, where the
                           administrator allows such values (object)
  --file FILE              read the value from a file
  --trim-newline           drop one newline at the value's end
  --store NAME             the store's name in the class (sealed)

Nothing shows the value. Exit code: 0 done, 1 failed, 2 wrong usage.
`;

const { dialect: _, ...commonFlags } = workloadFlags;
const flags = { "public-key": { type: "string" }, ...commonFlags } as const satisfies ParseArgsOptionsConfig;

/**
 * Reads the command line; undefined when it asks for help.
 *
 * @throws SealUsageError
 */
export function parseValueOptions(args: readonly string[]): ValueSealOptions | undefined {
	const values = parseSealOptions(args, flags);
	if (values.help) return undefined;
	const { "public-key": publicKeyFile } = values;
	if (publicKeyFile === undefined) throw new SealUsageError("--public-key is missing: name the file with the installation's public key.");
	const sealedFor = readSealedFor(values);
	if (sealedFor.kind === "none")
		throw new SealUsageError("--bind none would seal for nobody in particular; say whose pods may have the value.");
	if (nativeName(sealedFor.object) !== sealedFor.object)
		throw new SealUsageError(
			"--object is no name of an object: start with a letter or _, go on with letters, digits, _ and -, at most 63.",
		);
	return { publicKeyFile, sealedFor, store: values.store ?? "sealed", source: { file: values.file, trimNewline: values["trim-newline"] } };
}
