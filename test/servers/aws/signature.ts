import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { AwsError } from "./aws-error.ts";
import { type CredentialScope, type GateRequest, readScope } from "./gate-request.ts";
import type { AwsSession, Sessions } from "./sessions.ts";

/** How far the date of a request may be from now. */
const allowedSkewMilliseconds = 5 * 60_000;

/**
 * Finds who signed a request, and checks that they did: key, date, region, service, session token and
 * signature. Source: Signature Version 4 for API requests (IAM user guide), for paths and queries without characters to escape.
 *
 * @throws AwsError in the words of the real services
 */
export function authenticate(request: GateRequest, sessions: Sessions): AwsSession {
	const { authorization } = request.headers;
	if (authorization === undefined) throw new AwsError("MissingAuthenticationTokenException", "Missing Authentication Token");
	const scope = readScope(authorization);
	const [, signedHeaders, signature] = /^AWS4-HMAC-SHA256 .*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})$/.exec(authorization) ?? [];
	if (scope === undefined || signedHeaders === undefined || signature === undefined)
		throw new AwsError("IncompleteSignatureException", "The authorization header does not hold all parts of a signature.");
	const session = sessions.find(scope.accessKeyId);
	if (session === undefined || header(request, "x-amz-security-token") !== (session.sessionToken ?? ""))
		throw new AwsError("UnrecognizedClientException", "The security token included in the request is invalid.");
	checkScope(request, scope);
	const names = signedHeaders.split(";");
	checkSignedHeaders(request, names);
	const expected = sign(request, scope, names, session.secretAccessKey);
	if (!timingSafeEqual(Buffer.from(expected), Buffer.from(signature)))
		throw invalid("The request signature we calculated does not match the signature you provided.");
	if (sessions.hasEnded(session)) throw new AwsError("ExpiredTokenException", "The security token included in the request is expired");
	return session;
}

function checkScope(request: GateRequest, scope: CredentialScope): void {
	if (scope.service !== request.service) throw invalid(`Credential should be scoped to correct service: '${request.service}'.`);
	if (scope.region !== request.region) throw invalid(`Credential should be scoped to a valid region: '${request.region}'.`);
	const date = header(request, "x-amz-date");
	const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? [];
	const at = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
	if (scope.date !== date.slice(0, 8)) throw invalid("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date.");
	if (!(Math.abs(at - Date.now()) <= allowedSkewMilliseconds)) throw invalid(`Signature expired: ${date} is too far from now.`);
}

/** What a thief of a signature could otherwise replace must be signed. */
function checkSignedHeaders({ headers }: GateRequest, names: readonly string[]): void {
	const needed = ["host", ...Object.keys(headers).filter((name) => name.startsWith("x-amz-"))];
	const missing = needed.filter((name) => !names.includes(name));
	if (missing.length > 0) throw invalid(`There were headers present in the request which were not signed: ${missing.join(", ")}`);
}

function sign(request: GateRequest, scope: CredentialScope, names: readonly string[], secretAccessKey: string): string {
	const [path = "", query = ""] = request.path.split("?");
	const canonical = [
		request.method,
		path,
		query,
		...names.map((name) => `${name}:${header(request, name).trim().replaceAll(/ +/g, " ")}`),
		"",
		names.join(";"),
		sha256(request.body),
	].join("\n");
	const { date, region, service } = scope;
	const toSign = ["AWS4-HMAC-SHA256", header(request, "x-amz-date"), `${date}/${region}/${service}/aws4_request`, sha256(canonical)];
	let key: Buffer | string = `AWS4${secretAccessKey}`;
	for (const part of [date, region, service, "aws4_request"]) key = createHmac("sha256", key).update(part).digest();
	return createHmac("sha256", key).update(toSign.join("\n")).digest("hex");
}

function header({ headers }: GateRequest, name: string): string {
	const value = headers[name];
	return typeof value === "string" ? value : (value?.join(",") ?? "");
}

function sha256(data: Buffer | string): string {
	return createHash("sha256").update(data).digest("hex");
}

function invalid(message: string): AwsError {
	return new AwsError("InvalidSignatureException", message);
}
