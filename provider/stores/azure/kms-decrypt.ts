import type { CryptographyClient } from "@azure/keyvault-keys";
import { dataKeyLength } from "../../sealing/envelope.ts";
import { openJwe } from "../../sealing/jwe.ts";
import { isFor } from "../../sealing/jwe-audience.ts";
import { Secret } from "../../shared/secret.ts";
import type { Failed, Outcome } from "../store.ts";
import type { CiphertextRef, Sealed } from "./ciphertext-ref.ts";
import { damaged, deletedKey, type KmsCall, kmsOutcome, likeDataKey, madeForOthers, otherObject } from "./kms-failures.ts";
import { NoValue } from "./read-failure.ts";
import { readKey } from "./read-key.ts";
import type { Place } from "./session.ts";

/**
 * Decrypts one value with the key of the vault. What is bound to somebody else is refused before Key Vault is asked.
 * Only the signal's reason is thrown.
 */
export async function readCiphertext(ref: CiphertextRef, place: Place, signal: AbortSignal): Promise<Outcome | Failed> {
	const call: KmsCall = { ref, ...place };
	const refusal = bindingRefusal(call);
	if (refusal !== undefined) return refusal;
	try {
		const plaintext = await decrypt(ref, place, signal);
		signal.throwIfAborted();
		return opened(plaintext, call);
	} catch (error) {
		signal.throwIfAborted();
		const outcome = kmsOutcome(error, call);
		return outcome.kind === "absent" && (await isDeleted(ref, place, signal)) ? deletedKey(call) : outcome;
	}
}

/** The header says whom the value is for. It may lie, and then nothing opens: the tag proves it. */
function bindingRefusal(call: KmsCall): Failed | undefined {
	const { sealed, objectName } = call.ref;
	if (sealed.kind === "direct") return undefined;
	if (!isFor(sealed.jwe, call.identity)) return madeForOthers(call);
	const { subject } = sealed.jwe;
	return subject === undefined || subject === objectName ? undefined : otherObject(call);
}

/** The very bytes of the SDK's answer, so that wiping them leaves no copy. @throws as {@link VaultClient.send}, NoValue for an answer without any */
async function decrypt(ref: CiphertextRef, place: Place, signal: AbortSignal): Promise<Buffer> {
	const key = await openKey(ref, place);
	const { result } = await place.client.send(signal, (abortSignal) => operate(key, ref.sealed, abortSignal));
	if (!(result instanceof Uint8Array)) throw new NoValue("it holds no result");
	return Buffer.from(result.buffer, result.byteOffset, result.byteLength);
}

function operate(key: CryptographyClient, sealed: Sealed, abortSignal: AbortSignal) {
	if (sealed.kind === "jwe") return key.unwrapKey("RSA-OAEP-256", sealed.jwe.encryptedKey, { abortSignal });
	const { algorithm, ciphertext } = sealed;
	return key.decrypt({ algorithm, ciphertext }, { abortSignal });
}

/**
 * The SDK's client for one key. Given the key's name alone it would fetch the key first, which takes another right and
 * another call, and would refuse one that has expired, which may still decrypt.
 */
async function openKey({ name, version }: CiphertextRef, { client }: Place): Promise<CryptographyClient> {
	const [{ CryptographyClient }, { vaultUrl, credential, options }] = await Promise.all([
		import("@azure/keyvault-keys"),
		client.sdk.settings(),
	]);
	const id = `${vaultUrl}/keys/${name}${version === "" ? "" : `/${version}`}`;
	// It writes into the options that it is given.
	return new CryptographyClient({ name, id, properties: { name, vaultUrl } }, credential, { ...options });
}

function opened(plaintext: Buffer, call: KmsCall): Outcome | Failed {
	const { sealed } = call.ref;
	if (sealed.kind === "direct" && plaintext.length !== dataKeyLength) return found(plaintext);
	try {
		if (sealed.kind === "direct") return likeDataKey(call);
		const value = plaintext.length === dataKeyLength ? openJwe(plaintext, sealed.jwe) : undefined;
		return value === undefined ? damaged(call) : found(value);
	} finally {
		plaintext.fill(0);
	}
}

function found(value: Buffer): Outcome {
	return { kind: "found", value: new Secret(value), structure: "bytes" };
}

/** What cannot be found out is not claimed. */
async function isDeleted({ name }: CiphertextRef, place: Place, signal: AbortSignal): Promise<boolean> {
	try {
		await readKey.getDeleted(name, place, signal);
		return true;
	} catch {
		signal.throwIfAborted();
		return false;
	}
}
