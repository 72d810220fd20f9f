import type { Secret } from "../../shared/secret.ts";

const longestText = 300;

/**
 * What AWS said, fit to be shown: without anything that was sent in confidence or looks like a token, short, and
 * without control characters that would break a log's lines.
 *
 * @param confidential what the call carried: the pod's token
 */
export function showable(text: string, confidential: readonly Secret[]): string {
	let shown = text;
	for (const secret of confidential) {
		if (secret.length > 0) shown = shown.replaceAll(secret.reveal().toString("utf8"), "[redacted]");
	}
	// Tokens of service accounts, and the long unbroken texts that credentials are.
	shown = shown.replace(/\beyJ[\w-]*(?:\.[\w-]*){1,4}|[A-Za-z0-9+/=_-]{64,}/g, "[redacted]");
	shown = shown
		.replace(/\s+/g, " ")
		.replace(/\p{Cc}/gu, "�")
		.trim();
	return shown.length > longestText ? `${shown.slice(0, longestText)}…` : shown;
}

/** The names of the services for people. */
export const serviceTitles = { secretsmanager: "Secrets Manager", ssm: "Parameter Store", kms: "KMS", sts: "STS" } as const;

/** The names of the services in the texts of the AWS SDK for Go, which today's provider passes on. */
export const goServiceIds = { secretsmanager: "Secrets Manager", ssm: "SSM", kms: "KMS", sts: "STS" } as const;
