import { ProviderError, type ProviderErrorOptions } from "../../errors.ts";
import { quote } from "../../plan/fields.ts";
import type { Secret } from "../../shared/secret.ts";
import type { Identity } from "../store.ts";
import { type GoogleError, googleErrorOf, goText } from "./google-error.ts";
import type { GcpService } from "./hosts.ts";
import type { GcpInstance } from "./instance.ts";
import { describeIdentity, memberOf, serviceTitles, showable } from "./words.ts";

/** One read that Google answered with an error, or not at all. */
export interface FailedRead {
	readonly service: Extract<GcpService, "secretmanager" | "parametermanager" | "cloudkms">;
	/** What was asked for, by its full name. */
	readonly name: string;
	readonly instance: GcpInstance;
	readonly identity: Identity;
	/** What no text may repeat. */
	readonly confidential: readonly Secret[];
	/** The command that shows the thing. */
	readonly look: string;
	/** The command that gives the right to it; the member follows. */
	readonly grant: string;
}

/** What an error means, whichever API it comes from. */
export type ErrorKind = "absent" | "destroyed" | "denied" | "disabled" | "off" | "invalid" | "ended" | "throttled" | "outage" | "nonsense";

/**
 * Reasons for which a whole project has no answer, whoever asks: no word on anybody's rights.
 * Source: google.api.ErrorReason.
 */
const offReasons: ReadonlySet<string> = new Set([
	"SERVICE_DISABLED",
	"BILLING_DISABLED",
	"CONSUMER_SUSPENDED",
	"CONSUMER_INVALID",
	"API_KEY_INVALID",
]);

/** @param error undefined for an answer that is no error of Google's */
export function kindOf(status: number, error: GoogleError | undefined): ErrorKind {
	if (status === 429) return "throttled";
	if (status >= 500) return "outage";
	switch (error?.status) {
		case "NOT_FOUND":
			return "absent";
		case "FAILED_PRECONDITION":
			return /\bDESTROYED\b/.test(error.message) ? "destroyed" : "disabled";
		case "PERMISSION_DENIED":
			return offReasons.has(error.reason) ? "off" : "denied";
		case "INVALID_ARGUMENT":
		case "OUT_OF_RANGE":
			return "invalid";
		case "UNAUTHENTICATED":
			return "ended";
		default:
			return "nonsense";
	}
}

/** An answer that is an error, as an error whose code says whose fault it is. */
export function answerError(answer: { readonly status: number; readonly body: Buffer }, read: FailedRead): ProviderError {
	const told = googleErrorOf(answer.body);
	const text = showable(told?.message ?? "", read.confidential);
	const said = told === undefined ? ` (status ${answer.status})` : ` (${told.status}${text === "" ? "" : `: ${JSON.stringify(text)}`})`;
	const legacy = told === undefined ? {} : { legacyText: goText({ ...told, message: text }) };
	return judge(kindOf(answer.status, told), said, read, { stage: "read", ...legacy });
}

function judge(kind: ErrorKind, said: string, read: FailedRead, options: ProviderErrorOptions): ProviderError {
	const where = serviceTitles[read.service];
	const thing = quote(read.name);
	const who = describeIdentity(read.instance, read.identity);
	switch (kind) {
		case "absent":
			return new ProviderError("absent", `${where} has no ${thing}${said}.`, {
				...options,
				remedy: `Check its name and version: ${read.look}`,
			});
		case "destroyed":
			return new ProviderError("absent", `${where} has destroyed ${thing}${said}.`, {
				...options,
				remedy: "Name another version: what it held is gone.",
			});
		case "disabled":
			return new ProviderError("denied", `${where} gives ${thing} to nobody, because it is disabled or its key is${said}.`, {
				...options,
				remedy: `Enable it, or name another version: ${read.look}`,
			});
		case "denied":
			return new ProviderError("denied", `${where} denies ${thing} to ${who}${said}.`, {
				...options,
				remedy: `Allow it, and check that the name is right: ${read.grant} --member ${memberOf(read.instance, read.identity)}`,
			});
		case "invalid":
			return new ProviderError("invalid", `${where} does not understand the request for ${thing}${said}.`, {
				...options,
				remedy: "Check its name, version and location.",
			});
		default:
			return withoutWord(kind, `${thing}${said}`, read, options);
	}
}

/** Google gave no word on the thing itself. */
function withoutWord(kind: ErrorKind, thing: string, { service }: FailedRead, options: ProviderErrorOptions): ProviderError {
	const where = serviceTitles[service];
	const failure = (message: string, remedy: string) => new ProviderError("unreachable", message, { ...options, remedy });
	switch (kind) {
		case "off":
			return failure(
				`${where} is switched off for the project: it did not give ${thing}.`,
				`Switch it on: gcloud services enable ${service}.googleapis.com`,
			);
		case "ended":
			return failure(
				`${where} does not accept the session's access token any more: it did not give ${thing}.`,
				"The next attempt logs in anew.",
			);
		case "throttled":
			return failure(
				`${where} limits the rate of requests: it did not give ${thing}.`,
				"It is asked again; raise the project's quota, or ask less often (--poll-interval, --max-age).",
			);
		case "outage":
			return failure(`${where} could not give ${thing}.`, "It is asked again.");
		default:
			return nonsense(`${where} gave no usable answer to the request for ${thing}.`, options);
	}
}

/** The answer holds nothing of what was asked for: an outage, never an absence. */
export function nonsense(message: string, options: ProviderErrorOptions = { stage: "read" }): ProviderError {
	return new ProviderError("unreachable", message, {
		...options,
		remedy: "Check that the endpoint leads to Google itself and not to a proxy's page.",
	});
}

/** No answer at all: our transport says server, stage and fact. */
export function unanswered(error: ProviderError, { name }: FailedRead): ProviderError {
	if (error.code !== "unreachable") return error;
	return new ProviderError(error.code, `${quote(name)}: ${error.message}`, {
		stage: "read",
		legacyText: `rpc error: code = Unavailable desc = ${error.message}`,
		...(error.remedy === undefined ? {} : { remedy: error.remedy }),
		cause: error.cause,
	});
}
