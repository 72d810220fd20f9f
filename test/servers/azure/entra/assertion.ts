import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from "jose";
import { entraRefusal, type Refusal } from "../refusal.ts";
import { bindingAudience, type Client, type Federation } from "./directory.ts";

/** Who is asked: the authority itself, or the token proxy of a cluster, which knows its identity bindings only. */
export type Exchange = "authority" | "token-proxy";

const learnMore = "https://learn.microsoft.com/entra/workload-id/workload-identity-federation";

/**
 * Judges a client assertion (RFC 7523) against an application's federated credentials, in the order
 * issuer, signature, time, audience, subject.
 *
 * @throws Refusal AADSTS50027, 700211, 700027, 700024, 700212 or 700213
 */
export async function judgeAssertion(assertion: string, client: Client, exchange: Exchange): Promise<void> {
	const claimed = decode(assertion);
	const federations = client.federations.filter(({ audience }) => (audience === bindingAudience) === (exchange === "token-proxy"));
	const ofIssuer = federations.filter(({ issuer }) => issuer.issuer === claimed.iss);
	const [first] = ofIssuer;
	if (first === undefined) throw noMatch(700211, "issuer", claimed.iss);
	await verifySignature(assertion, first);
	const ofAudience = ofIssuer.filter(({ audience }) => [claimed.aud].flat().includes(audience));
	if (ofAudience.length === 0) throw noMatch(700212, "audience", [claimed.aud].flat().join());
	if (!ofAudience.some(({ subject }) => subject === claimed.sub)) throw noMatch(700213, "subject", claimed.sub);
}

function decode(assertion: string): JWTPayload {
	try {
		if (decodeProtectedHeader(assertion).alg !== "RS256") throw malformed();
		return decodeJwt(assertion);
	} catch {
		throw malformed();
	}
}

function malformed(): Refusal {
	return entraRefusal({ error: "invalid_request", code: 50027, description: "JWT token is invalid or malformed." });
}

function noMatch(code: number, part: string, presented: string | undefined): Refusal {
	const description =
		`No matching federated identity record found for presented assertion ${part} '${presented ?? ""}'. ` +
		`Check your federated identity credential Subject, Audience and Issuer against the presented assertion. ${learnMore}`;
	return entraRefusal({ error: "invalid_client", code, description });
}

async function verifySignature(assertion: string, { issuer, client }: Required<Federation>): Promise<void> {
	try {
		await jwtVerify(assertion, createLocalJWKSet(issuer.keys), { algorithms: ["RS256"], requiredClaims: ["exp"] });
	} catch (error) {
		if (error instanceof errors.JWTExpired || (error instanceof errors.JWTClaimValidationFailed && error.claim === "nbf"))
			throw outsideItsTime(decodeJwt(assertion));
		const description = `Client assertion failed signature validation. [Reason - The key was not found or does not fit., application ${client}]`;
		throw entraRefusal({ error: "invalid_client", code: 700027, description });
	}
}

function outsideItsTime({ nbf, exp }: JWTPayload): Refusal {
	const time = (seconds: number | undefined) => new Date((seconds ?? 0) * 1000).toISOString();
	const description =
		`Client assertion is not within its valid time range. Current time: ${new Date().toISOString()}, ` +
		`assertion valid from ${time(nbf)}, expiry time of assertion ${time(exp)}. Review the documentation at ` +
		"https://learn.microsoft.com/entra/identity-platform/certificate-credentials .";
	return entraRefusal({ error: "invalid_client", code: 700024, description });
}
