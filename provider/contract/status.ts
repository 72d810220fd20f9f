import { Metadata, status } from "@grpc/grpc-js";
import { type ErrorCode, errorCodes, type ProviderError } from "../errors.ts";
import type { PlainStatus } from "./options.ts";

/**
 * The gRPC status of each kind of failure. Five statuses are missing on purpose: CANCELLED,
 * DEADLINE_EXCEEDED, UNAVAILABLE, RESOURCE_EXHAUSTED and ABORTED. Kubelet takes them as "perhaps it
 * is mounted", keeps the empty directory, and the driver then lets the pod start without its files.
 *
 * Source: measured with secrets-store-csi-driver v1.6.0 and kubelet v1.34.4.
 */
const statuses: Readonly<Record<ErrorCode, status>> = {
	invalid: status.INVALID_ARGUMENT,
	absent: status.NOT_FOUND,
	denied: status.PERMISSION_DENIED,
	refused: status.PERMISSION_DENIED,
	unidentified: status.UNAUTHENTICATED,
	"too-large": status.FAILED_PRECONDITION,
	unreachable: status.INTERNAL,
	stopped: status.INTERNAL,
	internal: status.INTERNAL,
};

const trailers = new Map(errorCodes.map((code) => [code, trailerOf(code)]));

const maximumCharacters = 4000;
/** Percent-encoded. Clients built on the C core read 8 KiB of metadata in all, and take more as RESOURCE_EXHAUSTED. */
const maximumEncodedBytes = 7000;

/** A failed call as grpc-js takes it. */
export interface Refusal {
	readonly code: status;
	readonly details: string;
	readonly metadata: Metadata;
}

/** @param plain how the provider that is stood for does it */
export function toRefusal(error: ProviderError, plain: PlainStatus): Refusal {
	return {
		code: statusOf(error, plain),
		details: toDetails(error.text) || `The mount failed: ${error.code}.`,
		metadata: trailers.get(error.code) ?? trailerOf(error.code),
	};
}

function statusOf({ code, stage }: ProviderError, plain: PlainStatus): status {
	if (plain === true) return status.UNKNOWN;
	if (plain === false) return statuses[code];
	if (stage === "read") return status.INTERNAL;
	if (stage === "login" || code === "unidentified") return status.PERMISSION_DENIED;
	return code === "absent" ? status.INTERNAL : statuses[code];
}

/** One text as status details: printable, well-formed, and short enough for every client's header limit. */
export function toDetails(text: string): string {
	let details = shorten(shorten(text, maximumCharacters).replace(/(?!\n)\p{Cc}/gu, escapeCharacter), maximumCharacters);
	for (let bytes = encodedLength(details); bytes > maximumEncodedBytes; bytes = encodedLength(details)) {
		details = shorten(details, Math.floor((details.length * maximumEncodedBytes) / bytes) - 1);
	}
	return details;
}

function shorten(text: string, length: number): string {
	// A cut between the halves of a character, or a half from elsewhere, would make percent-encoding throw.
	return (text.length > length ? `${text.slice(0, length - 1)}…` : text).toWellFormed();
}

function escapeCharacter(character: string): string {
	return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

function encodedLength(text: string): number {
	return encodeURI(text).length;
}

function trailerOf(code: ErrorCode): Metadata {
	const metadata = new Metadata();
	metadata.set("claviger-error-code", code);
	return metadata;
}
