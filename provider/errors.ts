/**
 * The kinds of failure a Mount can end with. Each is stable: it is the label of metrics and
 * audit records and the trailer `claviger-error-code` of a failed call.
 *
 * | code | says |
 * |---|---|
 * | `invalid` | the SecretProviderClass, the pod's volumeAttributes or the request is malformed |
 * | `absent` | the store answered that the object does not exist |
 * | `denied` | the store answered that this identity may not have the object, or may not log in |
 * | `unreachable` | the store gave no usable answer: no connection, no time, 5xx, nonsense |
 * | `refused` | Claviger's own policy forbids the request before a store is asked |
 * | `unidentified` | the pod's identity is not proven: token missing, expired, or of somebody else |
 * | `too-large` | the answer would not fit into the driver's receive limit |
 * | `stopped` | the caller gave up, or the provider is stopping |
 * | `internal` | a defect of Claviger |
 */
export const errorCodes = [
	"invalid",
	"absent",
	"denied",
	"unreachable",
	"refused",
	"unidentified",
	"too-large",
	"stopped",
	"internal",
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** The rules by which policy refuses a Mount (codes `refused` and `unidentified`); each is a label of metrics, so there are few. */
export const policyRules = [
	"administrators-store",
	"api-server-audience",
	"expired-token",
	"foreign-audience",
	"foreign-token",
	"local-address",
	"malformed-address",
	"metadata-address",
	"missing-token",
	"node-socket",
	"own-trust",
	"plain-http",
	"resolved-address",
	"token-signature",
	"unbound-token",
	"unlisted-audience",
	"unlisted-endpoint",
	"unverified-tls",
	"unverified-token",
] as const;

export type PolicyRule = (typeof policyRules)[number];

export interface ProviderErrorOptions {
	/** What the reader can do about it, as a sentence. */
	readonly remedy?: string;
	/** The underlying error: for the log, never for the wire. */
	readonly cause?: unknown;
	/**
	 * The words in which the single-store provider of this store reports the same failure.
	 * Only a compatible dialect shows them.
	 */
	readonly legacyText?: string;
	/** Where the failure arose, when a dialect words the stages differently. */
	readonly stage?: "login" | "read";
	/** The rule of policy that refuses. */
	readonly rule?: PolicyRule;
}

/**
 * The only error that leaves a room. The message names the parameter or object and the cause;
 * it never carries a secret, a token or a store's raw body.
 *
 * @example throw new ProviderError("absent", 'object "db": no secret at kv/data/db', {remedy: "Write the secret, or mark the object optional."})
 */
export class ProviderError extends Error {
	override readonly name = "ProviderError";
	readonly code: ErrorCode;
	readonly remedy: string | undefined;
	readonly legacyText: string | undefined;
	readonly stage: "login" | "read" | undefined;
	readonly rule: PolicyRule | undefined;

	constructor(code: ErrorCode, message: string, options: ProviderErrorOptions = {}) {
		super(message, options.cause === undefined ? undefined : { cause: options.cause });
		this.code = code;
		this.remedy = options.remedy;
		this.legacyText = options.legacyText;
		this.stage = options.stage;
		this.rule = options.rule;
	}

	/** All there is to tell people: a compatible dialect's words first, then the message and the remedy. */
	get text(): string {
		const own = this.remedy === undefined ? this.message : `${this.message} ${this.remedy}`;
		return this.legacyText === undefined ? own : `${this.legacyText}\n${own}`;
	}

	/**
	 * Turns anything thrown into a ProviderError. What is not one already is a defect, whose own
	 * text may hold anything and therefore stays in `cause`. The reason of an aborted signal
	 * is a ProviderError throughout Claviger and passes through.
	 */
	static from(reason: unknown): ProviderError {
		if (reason instanceof ProviderError) return reason;
		if (reason instanceof Error && reason.name === "AbortError") {
			return reason.cause instanceof ProviderError
				? reason.cause
				: new ProviderError("stopped", "The call was cancelled.", { cause: reason });
		}
		return new ProviderError("internal", "An unexpected error inside Claviger.", {
			remedy: "See the provider's log for this time, and report it.",
			cause: reason,
		});
	}
}
