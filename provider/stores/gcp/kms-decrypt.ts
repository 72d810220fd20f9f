import { ProviderError } from "../../errors.ts";
import { decodeText } from "../../render/encoding.ts";
import { additionalData, cryptoKeyLocation } from "../../sealing/crypto-key.ts";
import { crc32c } from "../../shared/crc32c.ts";
import { type JsonObject, jsonMember, parseJsonObject } from "../../shared/json.ts";
import { Secret } from "../../shared/secret.ts";
import type { Failed, Outcome } from "../store.ts";
import { callApi } from "./api.ts";
import type { CiphertextRef } from "./ciphertext-ref.ts";
import type { GcpInstance } from "./instance.ts";
import { type KmsCall, kmsAnswer, unanswered, unusable } from "./kms-failures.ts";
import type { ReadParts } from "./read.ts";

/**
 * Decrypts one value, with the additional data of the pod that asks: namespace and service account are those that
 * kubelet names. Only the signal's reason is thrown.
 */
export async function readCiphertext(ref: CiphertextRef, parts: ReadParts, signal: AbortSignal): Promise<Outcome | Failed> {
	const call: KmsCall = { ref, instance: parts.instance, identity: parts.identity };
	const { namespace, serviceAccount } = parts.identity;
	const { bind: kind, objectName: object, additionalText: text } = ref;
	const aad = additionalData({ kind, namespace, serviceAccount, object, text });
	try {
		const answer = await callApi(
			parts.servers,
			parts.context,
			{
				service: "cloudkms",
				location: endpointLocation(ref, parts.instance),
				path: `/v1/${ref.keyName.split("/").map(encodeURIComponent).join("/")}:decrypt`,
				body: { type: "application/json", text: requestBody(ref.ciphertext, aad) },
				bearer: parts.token,
			},
			signal,
		);
		if (answer.status === 401) parts.onEnded();
		return answer.status === 200 ? plaintextOf(parseJsonObject(answer.body), call) : kmsAnswer(answer, call);
	} catch (reason) {
		signal.throwIfAborted();
		return unanswered(ProviderError.from(reason), call);
	}
}

/** Not every location has an endpoint of its own, and the one for all serves each: only an administrator's leads elsewhere. */
function endpointLocation({ keyName }: CiphertextRef, { serviceEndpoints }: GcpInstance): string {
	const location = cryptoKeyLocation(keyName) ?? "global";
	return serviceEndpoints[`cloudkms.${location}`] === undefined ? "global" : location;
}

/** Source: Cloud KMS API v1, cryptoKeys.decrypt; "Verifying end-to-end data integrity". */
function requestBody(ciphertext: Buffer, aad: Buffer): string {
	return JSON.stringify({
		ciphertext: ciphertext.toString("base64"),
		ciphertextCrc32c: crc32c(ciphertext),
		additionalAuthenticatedData: aad.toString("base64"),
		additionalAuthenticatedDataCrc32c: crc32c(aad),
	});
}

/** The plaintext, which must be what the server's checksum says: an answer without one proves nothing. */
function plaintextOf(answer: JsonObject | undefined, call: KmsCall): Outcome | Failed {
	// An empty plaintext is left out of the JSON.
	const text = answer === undefined ? undefined : (jsonMember(answer, "plaintext") ?? "");
	const value = typeof text === "string" ? decodeText(text, "base64") : undefined;
	if (answer === undefined || value === undefined) return unusable(call, "it holds no plaintext");
	if (String(jsonMember(answer, "plaintextCrc32c")) !== crc32c(value)) return unusable(call, "its checksum does not fit its plaintext");
	return { kind: "found", value: new Secret(value), structure: "bytes" };
}
