import { parseSealArguments, SealUsageError } from "../seal/options.ts";

export interface ResealOptions {
	/** Where the private keys lie that open the values. */
	readonly keyDirectory: string;
	/** PEM of the public key that they are sealed for then. */
	readonly publicKeyFile: string;
	/** Changes the files; otherwise the one file's new text goes to standard output. */
	readonly write: boolean;
	readonly files: readonly string[];
}

export const usage = `claviger reseal: seal every sealed value of manifests anew for another key

Usage: claviger reseal --keys DIRECTORY --public-key FILE MANIFEST
       claviger reseal --keys DIRECTORY --public-key FILE --write MANIFEST...

Each value stays sealed for whom it was. Nothing else of a manifest changes: comments, order and quotes stay as they are.
Run it where the private keys may be; the values are opened in memory, and nothing shows them.

  --keys DIRECTORY         the private keys, as "claviger seal keys" wrote them
  --public-key FILE        the public key to seal for
  --write                  change the manifests; without it the one's new text goes to standard output

Exit code: 0 done, 1 some value could not be sealed anew and stands as it was, 2 wrong usage.
`;

/**
 * Reads the command line; undefined when it asks for help.
 *
 * @throws SealUsageError
 */
export function parseResealOptions(args: readonly string[]): ResealOptions | undefined {
	const { values, positionals: files } = parseSealArguments(args, {
		keys: { type: "string" },
		"public-key": { type: "string" },
		write: { type: "boolean", default: false },
		help: { type: "boolean", short: "h", default: false },
	});
	if (values.help) return undefined;
	const { keys: keyDirectory, "public-key": publicKeyFile, write } = values;
	if (keyDirectory === undefined) throw new SealUsageError("--keys is missing: name the directory with the private keys.");
	if (publicKeyFile === undefined) throw new SealUsageError("--public-key is missing: name the file with the key to seal for.");
	if (files.length === 0) throw new SealUsageError("Name the manifest whose values are to be sealed anew.");
	if (files.length > 1 && !write) throw new SealUsageError("Several manifests are changed in place only: add --write.");
	return { keyDirectory, publicKeyFile, write, files };
}
