import { sealValue } from "../../sealing/sealed-value.ts";
import type { CommandStreams } from "../command.ts";
import { entryText } from "./entry.ts";
import { makeKind, type SealKind } from "./kind.ts";
import { withPlaintext } from "./plaintext.ts";
import { readPublicKeyFile } from "./public-key-file.ts";
import { parseValueOptions, type ValueSealOptions, valueUsage } from "./value-options.ts";
import { describeSealedFor } from "./workload-options.ts";

/** Seals with the installation's public key: no cloud and no server take part. */
export const value: SealKind = makeKind({ usage: valueUsage, parse: parseValueOptions, seal });

async function seal({ publicKeyFile, sealedFor, store, source }: ValueSealOptions, io: CommandStreams): Promise<void> {
	const key = await readPublicKeyFile(publicKeyFile);
	await withPlaintext(source, io, async (plaintext) => {
		const sealed = await sealValue(plaintext, key, sealedFor);
		io.stdout.write(entryText({ name: sealedFor.object, store, sealed }));
		io.stderr.write(`Sealed for ${describeSealedFor(sealedFor)} with the key ${key.id}.\n`);
	});
}
