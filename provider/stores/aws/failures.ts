import type { AwsService } from "../../aws/endpoints.ts";
import { type AwsError, awsErrorOf, kindOf } from "../../aws/error-kinds.ts";
import { describeIdentity, goText, saying, serviceTitles } from "../../aws/words.ts";
import { ProviderError, type ProviderErrorOptions } from "../../errors.ts";
import { quote } from "../../plan/fields.ts";
import type { Secret } from "../../shared/secret.ts";
import { type Failed, type Identity, type Outcome, outcomeOf } from "../store.ts";

/** One read that AWS answered with an error, or not at all. */
export interface FailedRead {
	readonly service: Exclude<AwsService, "sts">;
	/** The call as IAM has it, such as `GetSecretValue`. */
	readonly operation: string;
	readonly region: string;
	/** What was asked for, as its author wrote it. */
	readonly id: string;
	readonly identity: Identity;
	/** What no text may repeat. */
	readonly confidential: readonly Secret[];
	/** The words of today's provider, where they are not made of the error. */
	readonly legacyText?: string;
}

/** The failure as what the session answers: the store's word, or a failure of this one thing. */
export function readOutcome(error: unknown, read: FailedRead): Outcome | Failed {
	return outcomeOf(readError(error, read));
}

/** The failure as an error whose code says whose fault it is. */
export function readError(error: unknown, read: FailedRead): ProviderError {
	const answer = awsErrorOf(error);
	if (answer === undefined) return unanswered(ProviderError.from(error), read);
	const options = { stage: "read", legacyText: read.legacyText ?? legacyReadText(answer, read) } as const;
	return judge(answer, read, options);
}

function judge(answer: AwsError, read: FailedRead, options: ProviderErrorOptions): ProviderError {
	const where = `${serviceTitles[read.service]} in ${read.region}`;
	const thing = quote(read.id);
	const said = saying(answer, read.confidential);
	const who = describeIdentity(read.identity);
	switch (kindOf(answer)) {
		case "absent":
			return absent(`${where} has no ${thing}${said}.`, options, read);
		case "deleted":
			return new ProviderError("absent", `${where} is about to delete ${thing}, and gives it to nobody any more${said}.`, {
				...options,
				remedy: `Take it back: aws secretsmanager restore-secret --region ${read.region} --secret-id ${shellWord(read.id)}`,
			});
		case "denied":
			return new ProviderError("denied", `${where} denies ${thing} to ${who}${said}.`, {
				...options,
				remedy: `Allow the role ${iamActions[read.service]} on it, and check the resource's own policy, permission boundaries and SCPs.`,
			});
		case "key":
			return new ProviderError("denied", `${where} cannot decrypt ${thing} for ${who}${said}.`, {
				...options,
				remedy: "Allow the role kms:Decrypt on its key, in the role's policy and in the key's own, and see that the key is enabled.",
			});
		case "invalid":
			return new ProviderError("invalid", `${where} does not understand the request for ${thing}${said}.`, {
				...options,
				remedy: "Check its name, version and stage or label.",
			});
		default:
			return withoutWord(answer, `${thing}${said}`, where, options);
	}
}

/** AWS gave no word on the thing itself. */
function withoutWord(answer: AwsError, thing: string, where: string, options: ProviderErrorOptions): ProviderError {
	switch (kindOf(answer)) {
		case "throttled":
			return new ProviderError("unreachable", `${where} limits the rate of requests: it did not give ${thing}.`, {
				...options,
				remedy: "It is asked again; raise the account's quota, or ask less often (--poll-interval, --max-age).",
			});
		case "ended":
			return new ProviderError("unreachable", `${where} does not accept the session's credentials any more: it did not give ${thing}.`, {
				...options,
				remedy: "The next attempt logs in anew; check the node's clock if it lasts.",
			});
		case "signature":
			return new ProviderError("unreachable", `${where} does not accept the request's signature: it did not give ${thing}.`, {
				...options,
				remedy: "Check the node's clock (timedatectl status), and that nothing on the way changes requests.",
			});
		case "outage":
			return new ProviderError("unreachable", `${where} could not give ${thing}.`, options);
		default:
			return new ProviderError("unreachable", `${where} gave no usable answer to the request for ${thing}.`, {
				...options,
				remedy: "Check that the endpoint leads to AWS itself and not to a proxy's page.",
			});
	}
}

const iamActions = {
	secretsmanager: "secretsmanager:GetSecretValue",
	ssm: "ssm:GetParameters",
	kms: "kms:Decrypt",
} as const;

function absent(message: string, options: ProviderErrorOptions, { service, region, id }: FailedRead): ProviderError {
	const look =
		service === "ssm"
			? `aws ssm get-parameter-history --region ${region} --name ${shellWord(id)}`
			: `aws secretsmanager describe-secret --region ${region} --secret-id ${shellWord(id)}`;
	return new ProviderError("absent", message, { ...options, remedy: `Check its name, version and stage or label: ${look}` });
}

/** The answer claims success and holds nothing of what was asked for: an outage, never an absence. */
export function nonsense(read: FailedRead, what: string): Failed {
	const { service, region, id, legacyText } = read;
	const message = `${serviceTitles[service]} in ${region} gave no usable answer to the request for ${quote(id)}: ${what}.`;
	const legacy = legacyText ?? genericText(read);
	const remedy = "Check that the endpoint leads to AWS itself.";
	return { kind: "failed", error: new ProviderError("unreachable", message, { stage: "read", remedy, legacyText: legacy }) };
}

/** No answer at all: our transport says server, stage and fact. */
function unanswered(error: ProviderError, read: FailedRead): ProviderError {
	if (error.code !== "unreachable") return error;
	return new ProviderError(error.code, `${quote(read.id)}: ${error.message}`, {
		stage: "read",
		legacyText: read.legacyText ?? genericText(read),
		...(error.remedy === undefined ? {} : { remedy: error.remedy }),
		cause: error.cause,
	});
}

/** Errors that the AWS SDK for Go knows as the caller's fault; today's provider passes these on and hides all others. */
const finalErrors: ReadonlySet<string> = new Set([
	"ResourceNotFoundException",
	"InvalidRequestException",
	"InvalidParameterException",
	"DecryptionFailure",
]);

function legacyReadText(answer: AwsError, read: FailedRead): string {
	if (read.service !== "secretsmanager" || !finalErrors.has(answer.name)) return genericText(read);
	return `${read.region}: Failed fetching secret ${read.id}: ${goText(answer, read)}`;
}

function genericText({ service, id }: FailedRead): string {
	return service === "ssm"
		? "Failed to fetch parameters from all regions."
		: `Failed to fetch secret from all regions. Verify secret exists and required permissions are granted for: ${id}`;
}

/** A name as one word of a shell's command line. */
function shellWord(text: string): string {
	const plain = text.replace(/\p{Cc}/gu, "");
	return /^[\w@%+=:,./-]+$/.test(plain) ? plain : `'${plain.replaceAll("'", "'\\''")}'`;
}
