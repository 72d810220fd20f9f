import { ProviderError } from "../errors.ts";

/** What an error of AWS means, whichever service it comes from. */
export type ErrorKind =
	/** There is no such thing. */
	| "absent"
	/** It is there, and about to be deleted: nobody gets it any more. */
	| "deleted"
	/** This identity may not have it. */
	| "denied"
	/** The key that it is encrypted with may not or cannot be used. */
	| "key"
	/** The request itself is at fault. */
	| "invalid"
	/** The credentials have ended. */
	| "ended"
	/** The signature is not accepted: mostly a clock that is wrong. */
	| "signature"
	| "throttled"
	/** The service is not able to answer. */
	| "outage"
	/** Something that AWS does not say. */
	| "nonsense";

/**
 * The codes that are understood; any other is {@link ErrorKind} `outage` or `nonsense`. Sources: API references of
 * Secrets Manager, Systems Manager, KMS and STS, each its "Common Errors" too; botocore's retry rules for throttling.
 */
const kinds: Readonly<Record<string, ErrorKind>> = {
	ResourceNotFoundException: "absent",
	ParameterNotFound: "absent",
	ParameterVersionNotFound: "absent",
	AccessDenied: "denied",
	AccessDeniedException: "denied",
	NotAuthorized: "denied",
	UnauthorizedOperation: "denied",
	DecryptionFailure: "key",
	InvalidKeyId: "key",
	DisabledException: "key",
	KMSInvalidStateException: "key",
	KeyUnavailableException: "outage",
	InvalidRequestException: "invalid",
	InvalidParameterException: "invalid",
	InvalidParameterValue: "invalid",
	ValidationError: "invalid",
	ValidationException: "invalid",
	RegionDisabledException: "invalid",
	ExpiredToken: "ended",
	ExpiredTokenException: "ended",
	InvalidClientTokenId: "ended",
	UnrecognizedClientException: "ended",
	InvalidToken: "ended",
	IncompleteSignature: "signature",
	InvalidSignatureException: "signature",
	SignatureDoesNotMatch: "signature",
	RequestExpired: "signature",
	RequestTimeTooSkewed: "signature",
	BandwidthLimitExceeded: "throttled",
	EC2ThrottledException: "throttled",
	PriorRequestNotComplete: "throttled",
	RequestLimitExceeded: "throttled",
	RequestThrottled: "throttled",
	RequestThrottledException: "throttled",
	SlowDown: "throttled",
	Throttling: "throttled",
	ThrottledException: "throttled",
	ThrottlingException: "throttled",
	TooManyRequestsException: "throttled",
	TransactionInProgressException: "throttled",
};

/** The words by which Secrets Manager says that a secret awaits its deletion; it has no code for that. */
const deletionWords = /marked (?:for deletion|deleted)|scheduled for deletion/i;
/** Codes are words; what is no word is a body that the SDK has made something of. */
const codeForm = /^[A-Za-z][\w.]{2,60}$/;
/** What the SDK calls an error whose code it did not find. */
const unknownNames: ReadonlySet<string> = new Set(["Error", "Unknown", "UnknownError"]);

/** Code and text of an answer that is an error. */
export interface AwsError {
	/** Such as `AccessDeniedException`. */
	readonly name: string;
	readonly message: string;
	readonly status?: number | undefined;
	readonly requestId?: string | undefined;
}

/**
 * Takes the SDK's error apart. Of an answer that the SDK could not read nothing is told but its status: the error's
 * text quotes from it.
 *
 * @returns undefined for what is no answer: an error of our own transport, or a defect
 */
export function awsErrorOf(error: unknown): AwsError | undefined {
	if (error instanceof ProviderError || !(error instanceof Error)) return undefined;
	const { $metadata, $response, $fault } = error as Partial<SdkError>;
	if ($fault === undefined && $response === undefined) return undefined;
	const status = [$metadata?.httpStatusCode, $response?.statusCode].find((candidate) => typeof candidate === "number");
	const requestId = typeof $metadata?.requestId === "string" && /^[\w-]{1,80}$/.test($metadata.requestId) ? $metadata.requestId : undefined;
	const isAws = $fault !== undefined && codeForm.test(error.name) && !unknownNames.has(error.name);
	return isAws ? { name: error.name, message: error.message, status, requestId } : { name: "", message: "", status };
}

/** What the SDK adds to the errors that come of an answer. */
interface SdkError {
	readonly $fault: "client" | "server";
	readonly $metadata: Metadata;
	readonly $response: { readonly statusCode?: unknown };
}

/** An error as AWS tells it inside an answer that is none. */
export function toldError(name: string, message: string): Error {
	return Object.assign(new Error(message), { name, $fault: "client", $metadata: { httpStatusCode: 400 } });
}

interface Metadata {
	readonly httpStatusCode?: unknown;
	readonly requestId?: unknown;
	readonly clockSkewCorrected?: unknown;
}

export function kindOf({ name, message, status }: AwsError): ErrorKind {
	const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
	if (kind === "invalid" && deletionWords.test(message)) return "deleted";
	if (kind !== undefined) return kind;
	if (status === 429) return "throttled";
	return status !== undefined && status >= 500 ? "outage" : "nonsense";
}

const words: ReadonlySet<ErrorKind> = new Set(["absent", "deleted", "denied", "key", "invalid"]);

/** Whether AWS gave its word on what was asked for, and another attempt would hear the same. */
export function isWord(error: unknown): boolean {
	const answer = awsErrorOf(error);
	return answer !== undefined && words.has(kindOf(answer));
}

export function isThrottled(error: unknown): boolean {
	const answer = awsErrorOf(error);
	return answer !== undefined && kindOf(answer) === "throttled";
}

/**
 * The status by which {@link withRetries} decides: AWS throttles with 400 and has other codes of passing trouble there.
 *
 * @returns undefined when there was no answer
 */
export function retryStatus(error: unknown): number | undefined {
	const known = awsErrorOf(error);
	if (known === undefined) return undefined;
	if (kindOf(known) === "throttled") return 429;
	// The SDK has noted the server's clock, and signs by it from now on.
	const { $metadata } = error as { $metadata?: Metadata };
	if (known.name === "IDPCommunicationError" || known.name === "IDPCommunicationErrorException" || $metadata?.clockSkewCorrected === true) {
		return 503;
	}
	return known.status ?? 400;
}

/** The header Retry-After of an answer that is an error. */
export function askedPause(error: unknown): string | undefined {
	const { $response } = (error ?? {}) as { $response?: { headers?: Readonly<Record<string, unknown>> } };
	const header = $response?.headers?.["retry-after"];
	return typeof header === "string" ? header : undefined;
}
