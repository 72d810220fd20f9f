import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import { AwsError, escapeXml, stsNamespace } from "./aws-error.ts";
import type { GateRequest } from "./gate-request.ts";
import type { AwsSession, Sessions } from "./sessions.ts";
import { type RoleTrusts, type TokenRefusals, verifyToken } from "./trust.ts";

const refusals: TokenRefusals = {
	malformed: new AwsError(
		"InvalidIdentityToken",
		"The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
	),
	unknownIssuer: (issuer) => new AwsError("InvalidIdentityToken", `No OpenIDConnect provider found in your account for ${issuer}`),
	unknownKey: new AwsError("InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider"),
	signature: new AwsError("InvalidIdentityToken", "The signature of the ID Token is not valid"),
	audience: new AwsError("InvalidIdentityToken", "Incorrect token audience"),
	expired: new AwsError("ExpiredTokenException", "Token expired: current date/time must be before the expiration date/time"),
};

export interface TokenServiceParts {
	readonly trusts: RoleTrusts;
	readonly sessions: Sessions;
	/** How long sessions last, whatever is asked for; undefined: as asked for, or an hour. */
	sessionSeconds(): number | undefined;
}

/**
 * STS AssumeRoleWithWebIdentity. Source: STS API reference.
 *
 * @throws AwsError
 */
export async function assumeRole(
	{ operation, parameters }: GateRequest,
	parts: TokenServiceParts,
): Promise<AwsSession & { subject: string }> {
	if (operation !== "AssumeRoleWithWebIdentity") throw new AwsError("InvalidAction", `Could not find operation ${operation}`);
	const role = text(parameters, "RoleArn");
	const name = text(parameters, "RoleSessionName");
	const seconds = Number(text(parameters, "DurationSeconds") || "3600");
	if (!/^arn:aws[a-z-]*:iam::\d{12}:role\/\S+$/.test(role)) throw new AwsError("ValidationError", `${role} is invalid`);
	if (!/^[\w+=,.@-]{2,64}$/.test(name)) throw constraint("roleSessionName", name);
	if (!(seconds >= 900 && seconds <= 43_200)) throw constraint("durationSeconds", String(seconds));
	const { trusts, sessions } = parts;
	const payload = await verifyToken(text(parameters, "WebIdentityToken"), trusts.issuers, trusts.audiences, refusals);
	if (!trusts.trusts(role, payload)) throw new AwsError("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403);
	if (seconds > 3600)
		throw new AwsError("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
	return { ...sessions.issue(role, name, parts.sessionSeconds() ?? seconds), subject: payload.sub ?? "" };
}

/** Writes the answer of AssumeRoleWithWebIdentity. */
export function writeSession(outgoing: ServerResponse, session: AwsSession & { subject: string }): void {
	const { accessKeyId, secretAccessKey, sessionToken = "", expiresAt = 0, role, name, subject } = session;
	const assumed = role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/");
	const expiration = new Date(expiresAt).toISOString();
	const result = element("AssumeRoleWithWebIdentityResult", [
		element("AssumedRoleUser", [leaf("AssumedRoleId", `AROA:${name}`), leaf("Arn", `${assumed}/${name}`)]),
		element("Credentials", [
			leaf("AccessKeyId", accessKeyId),
			leaf("SecretAccessKey", secretAccessKey),
			leaf("SessionToken", sessionToken),
			leaf("Expiration", expiration),
		]),
		leaf("SubjectFromWebIdentityToken", subject),
	]);
	const metadata = element("ResponseMetadata", [leaf("RequestId", randomUUID())]);
	const answer = "AssumeRoleWithWebIdentityResponse";
	outgoing.writeHead(200, { "content-type": "text/xml" });
	outgoing.end(`<${answer} xmlns="${stsNamespace}">${result}${metadata}</${answer}>`);
}

function text(parameters: Readonly<Record<string, unknown>>, name: string): string {
	const value = parameters[name];
	return typeof value === "string" ? value : "";
}

function constraint(member: string, value: string): AwsError {
	return new AwsError("ValidationError", `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint`);
}

function element(name: string, children: readonly string[]): string {
	return `<${name}>${children.join("")}</${name}>`;
}

function leaf(name: string, value: string): string {
	return element(name, [escapeXml(value)]);
}
