import { ProviderError } from "../../errors.ts";
import { quote } from "../../plan/fields.ts";
import type { Failed, Outcome } from "../store.ts";
import { type Place, regionOf } from "./place.ts";
import { readCiphertexts } from "./read-ciphertexts.ts";
import { readParameters } from "./read-parameters.ts";
import { readSecrets } from "./read-secrets.ts";
import type { AwsRef, CiphertextRef, ParameterRef, SecretRef } from "./ref.ts";

type Answer = Outcome | Failed;

/** Reads refs in one region, one answer each, in order: the three services side by side. Only the signal's reason is thrown. */
export async function readIn(place: Place, refs: readonly AwsRef[], signal: AbortSignal): Promise<readonly Answer[]> {
	const answers = new Map<AwsRef, Answer>();
	const take = (read: readonly AwsRef[], given: readonly Answer[]) => {
		for (const [index, answer] of given.entries()) {
			const ref = read[index];
			if (ref !== undefined) answers.set(ref, answer);
		}
	};
	const strangers = refs.filter((ref) => isElsewhere(ref, place.region));
	take(
		strangers,
		strangers.map((ref) => elsewhere(ref, place.region)),
	);
	const asked = refs.filter((ref) => !answers.has(ref));
	const secrets = asked.filter((ref): ref is SecretRef => ref.kind === "secret");
	const parameters = asked.filter((ref): ref is ParameterRef => ref.kind === "parameter");
	const ciphertexts = asked.filter((ref): ref is CiphertextRef => ref.kind === "ciphertext");
	await Promise.all([
		secrets.length > 0 && readSecrets(secrets, place, signal).then((given) => take(secrets, given)),
		parameters.length > 0 && readParameters(parameters, place, signal).then((given) => take(parameters, given)),
		ciphertexts.length > 0 && readCiphertexts(ciphertexts, place, signal).then((given) => take(ciphertexts, given)),
	]);
	signal.throwIfAborted();
	return refs.map((ref) => answers.get(ref) ?? unread());
}

/** Where the region is only known at the login, the plan could not compare it with an ARN. */
function isElsewhere(ref: AwsRef, region: string): boolean {
	const named = regionOf(ref.kind === "ciphertext" ? ref.keyId : ref.id);
	return named !== undefined && named !== region;
}

function elsewhere(ref: AwsRef, region: string): Failed {
	const id = ref.kind === "ciphertext" ? ref.keyId : ref.id;
	const error = new ProviderError("invalid", `${quote(id)} is the ARN of another region than ${region}.`, {
		remedy: "Set the store's region to that of the ARN, or name the thing without an ARN.",
		legacyText: `ARN region must match region ${region}: ${id}`,
		stage: "read",
	});
	return { kind: "failed", error };
}

function unread(): Failed {
	return { kind: "failed", error: new ProviderError("internal", "A ref was never asked for.") };
}
