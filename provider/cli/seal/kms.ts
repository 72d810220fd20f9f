import { type Binding, contextOf, describeContext } from "../../sealing/binding.ts";
import type { CommandStreams } from "../command.ts";
import { entryText, type ObjectEntry } from "./entry.ts";
import type { SealKind } from "./kind.ts";
import { encryptWithKms, type SealedByKms } from "./kms-encrypt.ts";
import { type KmsSealOptions, kmsUsage, parseKmsOptions } from "./kms-options.ts";
import { SealUsageError } from "./options.ts";
import { readPlaintext } from "./plaintext.ts";

/** Seals with AWS KMS: the ciphertext lies in the class, and the pod's own role has it decrypted. */
export const kms: SealKind = {
	usage: kmsUsage,
	read(args) {
		try {
			const options = parseKmsOptions(args);
			return options === undefined ? { kind: "usage" } : { kind: "seal", run: (io) => sealWithKms(options, io) };
		} catch (error) {
			if (error instanceof SealUsageError) return { kind: "usage", problem: error.message };
			throw error;
		}
	},
};

async function sealWithKms(options: KmsSealOptions, io: CommandStreams): Promise<number> {
	const value = await readPlaintext(options.source, io.stdin);
	try {
		if (value.at(-1) === 0x0a) io.stderr.write("The value ends with a newline, which is sealed too; --trim-newline drops it.\n");
		const sealed = await encryptWithKms(options, value);
		io.stdout.write(entryText(options.dialect === "aws" ? awsEntry(options, sealed) : nativeEntry(options, sealed)));
		io.stderr.write(`Sealed for ${whoseValue(options.binding)} with the key ${sealed.keyId}.\n`);
		return 0;
	} finally {
		value.fill(0);
	}
}

function whoseValue(binding: Binding): string {
	const { kind, namespace, serviceAccount } = binding;
	if (kind === "none") return "every pod whose role may use the key, where the administrator allows it, as it is bound to none,";
	const whose = kind === "namespace" ? `the namespace ${namespace}` : `the service account ${namespace}/${serviceAccount}`;
	return `${whose}, in the context ${describeContext(contextOf(binding))},`;
}

function awsEntry({ binding }: KmsSealOptions, sealed: SealedByKms): ObjectEntry {
	return { objectName: binding.object, objectType: "kms", ...sealedFields(binding, sealed) };
}

/** A native name is shorter of characters than an object name may be; what the value was sealed under then stands apart. */
function nativeEntry({ binding, store }: KmsSealOptions, sealed: SealedByKms): ObjectEntry {
	const name = binding.object
		.replace(/[^A-Za-z0-9_-]/g, "_")
		.replace(/^(?![A-Za-z_])/, "_")
		.slice(0, 63);
	const path = name === binding.object ? {} : { path: binding.object };
	return { name, store, service: "kms", ...path, ...sealedFields(binding, sealed) };
}

function sealedFields({ kind, pairs }: Binding, { keyId, blob, envelope }: SealedByKms): ObjectEntry {
	return {
		keyId,
		...(envelope === undefined ? { ciphertext: text(blob) } : {}),
		...(envelope === undefined
			? {}
			: { envelope: { dataKey: text(blob), iv: text(envelope.iv), data: text(envelope.data), tag: text(envelope.tag) } }),
		...(pairs.size === 0 ? {} : { context: Object.fromEntries(pairs) }),
		...(kind === "serviceAccount" ? {} : { bind: kind }),
	};
}

function text(bytes: Buffer): string {
	return bytes.toString("base64");
}
