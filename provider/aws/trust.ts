import { type ErrorCode, ProviderError } from "../errors.ts";
import type { Secret } from "../shared/secret.ts";
import { issuerOf } from "../shared/token-issuer.ts";
import type { Identity } from "../stores/store.ts";
import { type AwsError, awsErrorOf, kindOf } from "./error-kinds.ts";
import { describeIdentity, goText, saying } from "./words.ts";

/** A login that STS answered with an error, or not at all. */
interface FailedLogin {
	readonly region: string;
	readonly identity: Identity;
	readonly token: Secret;
}

/** What the error means: a clause after "STS in eu-west-1", which names the role after it. */
interface Verdict {
	readonly code: ErrorCode;
	readonly clause: string;
	readonly remedy?: string;
}

/** The codes by which STS says that it does not take the token as a proof. */
const tokenCodes = /^(?:ExpiredToken|IDPRejectedClaim|InvalidIdentityToken)(?:Exception)?$/;
/** STS could not read the keys of the cluster's token issuer; it has no code of its own for that. */
const keysWords = /verification key/i;

/**
 * A failed AssumeRoleWithWebIdentity as an error of ours, with the condition that must be true for it to succeed.
 * That a token proves nothing is no word on the role's rights: `unidentified`, and what pods hold stays.
 */
export function trustError(error: unknown, login: FailedLogin): ProviderError {
	const answer = awsErrorOf(error);
	if (answer === undefined) return unanswered(ProviderError.from(error));
	const confidential = [login.token];
	const { code, clause, remedy } = judge(answer, login);
	// Today's provider passes on what it takes for the caller's fault, and has one text for everything else.
	const legacyText = goText(answer, { service: "sts", operation: "AssumeRoleWithWebIdentity", confidential });
	const message = `STS in ${login.region} ${clause} ${describeIdentity(login.identity)}${saying(answer, confidential)}.`;
	return new ProviderError(code, message, {
		stage: "login",
		...(tokenCodes.test(answer.name) ? { legacyText } : {}),
		...(remedy === undefined ? {} : { remedy }),
	});
}

function judge(answer: AwsError, login: FailedLogin): Verdict {
	if (tokenCodes.test(answer.name) && !keysWords.test(answer.message)) return tokenVerdict(answer, login);
	switch (kindOf(answer)) {
		case "denied":
			return { code: "denied", clause: "refuses", remedy: trustRemedy(login) };
		case "invalid":
			return {
				code: "invalid",
				clause: "does not understand the login of",
				remedy: "Check the role's ARN, and that STS is active in the region (IAM console, account settings).",
			};
		case "throttled":
			return { code: "unreachable", clause: "limits the rate of requests, and did not log in" };
		case "outage":
			return { code: "unreachable", clause: "could not log in" };
		default:
			if (answer.name !== "" && (answer.status ?? 0) >= 400) return { code: "unreachable", clause: "could not log in" };
			return {
				code: "unreachable",
				clause: "gave no usable answer to the login of",
				remedy: "Check that the endpoint leads to AWS itself and not to a proxy's page.",
			};
	}
}

function tokenVerdict({ name, message }: AwsError, { token, identity }: FailedLogin): Verdict {
	if (name.startsWith("ExpiredToken")) {
		const remedy = "kubelet brings a fresh token at its next sync; check the node's clock if it does not.";
		return { code: "unidentified", clause: "says that the token has expired of", remedy };
	}
	const issuer = issuerOf(token);
	const clause = "does not take the token as a proof of";
	if (/audience/i.test(message)) {
		const provider = `arn:aws:iam::ACCOUNT:oidc-provider/${hostOf(issuer)}`;
		const remedy = `Add the audience to the identity provider: aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn ${provider} --client-id ${identity.audience}`;
		return { code: "unidentified", clause, remedy };
	}
	const remedy = `The account of the role must know this cluster's token issuer: aws iam create-open-id-connect-provider --url ${issuer} --client-id-list ${identity.audience}`;
	return { code: "unidentified", clause, remedy };
}

/** The condition of the trust policy that must match. Source: Amazon EKS User Guide, "Assign IAM roles to Kubernetes service accounts". */
function trustRemedy({ token, identity }: FailedLogin): string {
	const host = hostOf(issuerOf(token));
	const subject = `system:serviceaccount:${identity.namespace}:${identity.serviceAccount}`;
	const conditions = `"${host}:sub": "${subject}" and "${host}:aud": "${identity.audience}"`;
	return `The role's trust policy must allow sts:AssumeRoleWithWebIdentity to the provider ${host} where ${conditions}; check that the role exists.`;
}

function hostOf(issuer: string): string {
	return issuer.slice("https://".length);
}

/** No answer at all: our transport says server, stage and fact. */
function unanswered(error: ProviderError): ProviderError {
	if (error.code !== "unreachable") return error;
	const remedy = error.remedy === undefined ? {} : { remedy: error.remedy };
	return new ProviderError(error.code, error.message, { ...remedy, stage: "login", cause: error.cause });
}
