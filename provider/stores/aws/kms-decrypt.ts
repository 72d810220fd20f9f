import type { DecryptCommandInput } from "@aws-sdk/client-kms";
import type { ProviderError } from "../../errors.ts";
import { decodeText } from "../../render/encoding.ts";
import { canonicalContext } from "../../sealing/binding.ts";
import { openEnvelope } from "../../sealing/envelope.ts";
import { readKmsKeyName } from "../../sealing/kms-key.ts";
import { Secret } from "../../shared/secret.ts";
import type { Failed, Identity, Outcome } from "../store.ts";
import { contextPairs, encryptionContext } from "./kms-context.ts";
import { damagedEnvelope, foreignAlias, type KmsCall, kmsRefusal, noPlaintext, undecodable } from "./kms-failures.ts";
import type { CiphertextRef } from "./ref.ts";

/** The way to KMS, and the meaning of what goes wrong on it. */
export interface KmsWay {
	/** Sends one Decrypt and gives its answer, or throws the SDK's error. Limits, retries and deadlines are its own. */
	send(input: DecryptCommandInput, signal: AbortSignal): Promise<{ readonly Plaintext?: Uint8Array | undefined }>;
	/** Words an error that is no refusal of KMS's own: a lost connection, an expired session. What it throws ends the whole read. */
	explain(error: unknown, ref: CiphertextRef): Outcome | Failed;
}

/**
 * Decrypts the values of one read, each with the key that its SecretProviderClass names and the context of the pod that
 * asks, side by side; KMS has no batches. What several of them need decrypted, such as
 * a data key that they share, is asked for once. One that fails leaves the others alone.
 */
export async function decryptAll(
	refs: readonly CiphertextRef[],
	identity: Identity,
	way: KmsWay,
	signal: AbortSignal,
): Promise<readonly (Outcome | Failed)[]> {
	const answers = new Map<string, Promise<Answer>>();
	const ask = (ref: CiphertextRef): Promise<Answer> => {
		const input = decryptInput(ref, identity);
		const key = JSON.stringify([input.KeyId, input.EncryptionContext, input.GrantTokens, ref.blob.toString("base64")]);
		const known = answers.get(key) ?? askOnce(input, way, signal);
		answers.set(key, known);
		return known;
	};
	try {
		return await Promise.all(
			refs.map(async (ref) => {
				const call = { ref, identity };
				if (namesForeignAlias(call)) return failed(foreignAlias(call));
				const answer = await ask(ref);
				signal.throwIfAborted();
				if ("error" in answer) return kmsRefusal(answer.error, call) ?? way.explain(answer.error, ref);
				return readPlaintext(call, answer.plaintext);
			}),
		);
	} finally {
		for (const answer of answers.values()) void answer.then(wipe);
	}
}

/** The same value under the key of the failover region; undefined where its entry names none. */
export function inFailoverRegion(ref: CiphertextRef): CiphertextRef | undefined {
	return ref.failoverKeyId === undefined ? undefined : { ...ref, keyId: ref.failoverKeyId };
}

/** With Pod Identity the role is not known here, and KMS alone decides. */
function namesForeignAlias({ ref, identity }: KmsCall): boolean {
	const name = readKmsKeyName(ref.keyId);
	const account = /^arn:aws[a-z-]*:iam::(\d{12}):role\//.exec(identity.role)?.[1];
	return name?.kind === "alias" && name.account !== undefined && account !== undefined && name.account !== account;
}

/** What KMS said to one call, for everybody who wanted it. */
type Answer = { readonly plaintext: Buffer | undefined } | { readonly error: unknown };

function decryptInput(ref: CiphertextRef, identity: Identity): DecryptCommandInput {
	const context = encryptionContext(ref, identity);
	return {
		KeyId: ref.keyId,
		CiphertextBlob: ref.blob,
		...(Object.keys(context).length === 0 ? {} : { EncryptionContext: { ...context } }),
		...(ref.grantTokens.length === 0 ? {} : { GrantTokens: [...ref.grantTokens] }),
	};
}

async function askOnce(input: DecryptCommandInput, way: KmsWay, signal: AbortSignal): Promise<Answer> {
	try {
		const { Plaintext: plaintext } = await way.send(input, signal);
		// The very bytes of the answer, so that wiping them leaves no copy.
		return { plaintext: plaintext && Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength) };
	} catch (error) {
		return { error };
	}
}

function readPlaintext(call: KmsCall, plaintext: Buffer | undefined): Outcome | Failed {
	if (plaintext === undefined) return failed(noPlaintext(call));
	const { envelope, encoding } = call.ref;
	const opened =
		envelope === undefined
			? Buffer.from(plaintext)
			: openEnvelope(plaintext, envelope, canonicalContext(contextPairs(call.ref, call.identity)));
	if (opened === undefined) return failed(damagedEnvelope(call));
	if (encoding === "utf-8") return found(opened);
	const value = decodeText(opened.toString("latin1"), encoding);
	opened.fill(0);
	return value === undefined ? failed(undecodable(call)) : found(value);
}

function found(value: Buffer): Outcome {
	return { kind: "found", value: new Secret(value), structure: "bytes" };
}

function failed(error: ProviderError): Failed {
	return { kind: "failed", error };
}

function wipe(answer: Answer): void {
	if ("plaintext" in answer) answer.plaintext?.fill(0);
}
