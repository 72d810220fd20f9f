import type { SealedFor } from "../../sealing/workload.ts";
import type { CommandStreams } from "../command.ts";
import { entryText, nativeName, type ObjectEntry, sealedUnder } from "./entry.ts";
import { encryptWithCloudKms } from "./gcp-encrypt.ts";
import { type GcpSealOptions, gcpUsage, parseGcpOptions } from "./gcp-options.ts";
import { makeKind, type SealKind } from "./kind.ts";
import { withPlaintext } from "./plaintext.ts";
import { describeSealedFor } from "./workload-options.ts";

/** Seals with Google Cloud KMS: the ciphertext lies in the class, and the pod's own identity has it decrypted. */
export const gcp: SealKind = makeKind({ usage: gcpUsage, parse: parseGcpOptions, seal: sealWithCloudKms });

function sealWithCloudKms(options: GcpSealOptions, io: CommandStreams): Promise<void> {
	return withPlaintext(options.source, io, async (value) => {
		const ciphertext = (await encryptWithCloudKms(options, value)).toString("base64");
		io.stdout.write(entryText(options.dialect === "gcp" ? gcpEntry(options, ciphertext) : nativeEntry(options, ciphertext)));
		io.stderr.write(`Sealed for ${describeSealedFor(options.sealedFor)} with the key ${options.keyName}.\n`);
	});
}

function gcpEntry({ keyName, sealedFor }: GcpSealOptions, ciphertext: string): ObjectEntry {
	return { resourceName: keyName, path: sealedFor.object, ...sealedFields(sealedFor, ciphertext) };
}

function nativeEntry({ keyName, sealedFor, store }: GcpSealOptions, ciphertext: string): ObjectEntry {
	const { object } = sealedFor;
	return { name: nativeName(object), store, path: keyName, ...sealedUnder(object, "object"), ...sealedFields(sealedFor, ciphertext) };
}

function sealedFields({ kind, text }: SealedFor, ciphertext: string): ObjectEntry {
	const bind = kind === "serviceAccount" ? {} : { bind: kind };
	return { ...bind, ...(text === undefined ? {} : { aad: text }), ciphertext };
}
