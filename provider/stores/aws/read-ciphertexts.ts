import type { Failed, Outcome } from "../store.ts";
import { readOutcome } from "./failures.ts";
import { decryptAll, type KmsWay } from "./kms-decrypt.ts";
import type { Place } from "./place.ts";
import type { CiphertextRef } from "./ref.ts";

/** Decrypts values, one answer each, in order, side by side. */
export async function readCiphertexts(
	refs: readonly CiphertextRef[],
	{ region, identity, caller, confidential }: Place,
	signal: AbortSignal,
): Promise<readonly (Outcome | Failed)[]> {
	const { DecryptCommand } = await import("@aws-sdk/client-kms");
	const way: KmsWay = {
		send: (input, callSignal) =>
			caller.send("kms", region, callSignal, (client, abortSignal) => client.send(new DecryptCommand(input), { abortSignal })),
		explain: (error, { objectName: id }) =>
			readOutcome(error, { service: "kms", operation: "Decrypt", region, id, identity, confidential }),
	};
	return decryptAll(refs, identity, way, signal);
}
