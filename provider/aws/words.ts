import type { Secret } from "../shared/secret.ts";
import { showableText } from "../shared/showable.ts";
import type { Identity } from "../stores/store.ts";
import type { AwsService } from "./endpoints.ts";
import type { AwsError } from "./error-kinds.ts";

/** Tokens of service accounts, and the long unbroken texts that credentials are. */
const tokens = /\beyJ[\w-]*(?:\.[\w-]*){1,4}|[A-Za-z0-9+/=_-]{64,}/g;

/** What AWS said, as {@link showableText}. @param confidential what the call carried: the pod's token */
export function showable(text: string, confidential: readonly Secret[]): string {
	return showableText(text, confidential, tokens);
}

/** The names of the services for people. */
export const serviceTitles = { secretsmanager: "Secrets Manager", ssm: "Parameter Store", kms: "KMS", sts: "STS" } as const;

/** The names of the services in the texts of the AWS SDK for Go, which today's provider passes on. */
const goServiceIds = { secretsmanager: "Secrets Manager", ssm: "SSM", kms: "KMS", sts: "STS" } as const;

/** What the identity is called in messages: its role, and whose it is. */
export function describeIdentity({ role, namespace, serviceAccount }: Identity): string {
	const account = `service account ${namespace}/${serviceAccount}`;
	return role === "" ? `the Pod Identity role of ${account}` : `the role ${role} of ${account}`;
}

/** Code and text of AWS in parentheses, such as ` (AccessDeniedException: "User: … is not authorized …")`. */
export function saying({ name, message, status }: AwsError, confidential: readonly Secret[]): string {
	if (name === "") return status === undefined ? "" : ` (status ${status})`;
	const text = showable(message, confidential);
	return text === "" || text === name || text === "UnknownError" ? ` (${name})` : ` (${name}: ${JSON.stringify(text)})`;
}

/** One call that AWS answered with an error. */
export interface FailedCall {
	readonly service: AwsService;
	/** The call as IAM has it, such as `GetSecretValue`. */
	readonly operation: string;
	/** What no text may repeat. */
	readonly confidential: readonly Secret[];
}

/** An error in the words of the AWS SDK for Go. */
export function goText(
	{ status = 400, requestId = "", name, message }: AwsError,
	{ service, operation, confidential }: FailedCall,
): string {
	const head = `operation error ${goServiceIds[service]}: ${operation}, https response error StatusCode: ${status}`;
	return `${head}, RequestID: ${requestId}, ${name}: ${showable(message, confidential)}`;
}
