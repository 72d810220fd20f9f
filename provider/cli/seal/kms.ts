import { type Binding, contextOf, describeContext } from "../../sealing/binding.ts";
import type { CommandStreams } from "../command.ts";
import { entryText, nativeName, type ObjectEntry, sealedUnder } from "./entry.ts";
import { makeKind, type SealKind } from "./kind.ts";
import { encryptWithKms, type SealedByKms } from "./kms-encrypt.ts";
import { type KmsSealOptions, kmsUsage, parseKmsOptions } from "./kms-options.ts";
import { withPlaintext } from "./plaintext.ts";

/** Seals with AWS KMS: the ciphertext lies in the class, and the pod's own role has it decrypted. */
export const kms: SealKind = makeKind({ usage: kmsUsage, parse: parseKmsOptions, seal: sealWithKms });

function sealWithKms(options: KmsSealOptions, io: CommandStreams): Promise<void> {
	return withPlaintext(options.source, io, async (value) => {
		const sealed = await encryptWithKms(options, value);
		io.stdout.write(entryText(options.dialect === "aws" ? awsEntry(options, sealed) : nativeEntry(options, sealed)));
		io.stderr.write(`Sealed for ${whoseValue(options.binding)} with the key ${sealed.keyId}.\n`);
	});
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

function nativeEntry({ binding, store }: KmsSealOptions, sealed: SealedByKms): ObjectEntry {
	const { object } = binding;
	return { name: nativeName(object), store, service: "kms", ...sealedUnder(object, "path"), ...sealedFields(binding, sealed) };
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
