import { ProviderError } from "../errors.ts";
import { v1alpha1 } from "./generated/codec.js";

export type MountRequestMessage = v1alpha1.MountRequest;

/** A decoded request, or the reason why it is none. */
export type DecodedMountRequest = MountRequestMessage | ProviderError;

/** The longest request that is read. An SPC as a whole fits into 1.5 MiB of etcd. */
export const maximumRequestBytes = 2 * 1024 * 1024;

/**
 * Decodes a Mount request. It returns what is wrong instead of throwing it, because grpc-js would
 * answer a thrown error with a status and a text of its own.
 */
export function decodeMountRequest(bytes: Buffer): DecodedMountRequest {
	if (bytes.length > maximumRequestBytes) {
		return new ProviderError("invalid", `The mount request is ${bytes.length} bytes long; ${maximumRequestBytes} are read.`, {
			remedy: "Shorten the SecretProviderClass's parameters, the pod's volumeAttributes, or the Secret of nodePublishSecretRef.",
		});
	}
	try {
		return v1alpha1.MountRequest.decode(bytes);
	} catch (cause) {
		return new ProviderError("invalid", "The mount request is not a v1alpha1.MountRequest message.", {
			remedy: "Call this socket as the Secrets Store CSI driver does.",
			cause,
		});
	}
}

/** The bytes of a written message as a Buffer, which grpc-js needs; without copying them. */
export function asBuffer(bytes: Uint8Array): Buffer {
	return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
