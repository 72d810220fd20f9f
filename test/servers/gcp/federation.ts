import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from "jose";
import type { TokenIssuer } from "../../support/token-issuer.ts";
import type { AccessTokens } from "./access-tokens.ts";
import { type Answer, type Call, json, type Route, tokenError } from "./answers.ts";
import { clusterAccount, type Principal, poolSubject } from "./iam.ts";
import type { Projects } from "./projects.ts";

/** A GKE cluster, or one of a fleet, whose service accounts may become principals. */
export interface TrustedCluster {
	/** Such as `my-proj.svc.id.goog`: the audience of its pods' tokens. */
	readonly pool: string;
	/** Such as `https://container.googleapis.com/v1/projects/my-proj/locations/us-central1/clusters/c`. */
	readonly provider: string;
	readonly issuer: Pick<TokenIssuer, "issuer" | "keys">;
}

/** An OpenID Connect provider of a workload identity pool. */
export interface TrustedProvider {
	/** `projects/<number>/locations/global/workloadIdentityPools/<pool>/providers/<provider>`. */
	readonly name: string;
	readonly issuer: Pick<TokenIssuer, "issuer" | "keys">;
	/** The audiences it takes; its own name, with or without `https:` before the slashes, unless given. */
	readonly audiences?: readonly string[];
}

interface Trust {
	readonly issuer: string;
	readonly keys: JSONWebKeySet;
	readonly audiences: readonly string[];
	principal(claims: JWTPayload): Principal;
}

const tokenTypes = "urn:ietf:params:oauth:token-type:";
const tokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange";
const longestSubject = 127;
const longestLifetimeSeconds = 86_400;
const helpForAudience =
	'Invalid value for "audience". This value should be the full resource name of the Identity Provider. See https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token for the list of possible formats.';
const noTarget =
	'The target service indicated by the "audience" parameters is invalid. This might either be because the pool or provider is disabled or deleted or because it doesn\'t exist.';

/**
 * The token exchange of both endpoints (RFC 8693): a service account token that a trusted issuer has signed for
 * this audience becomes an access token. Source: Security Token Service API, v1.token.
 */
export class Federation {
	readonly #projects: Projects;
	readonly #tokens: AccessTokens;
	readonly #trusted = new Map<string, Trust>();

	constructor(projects: Projects, tokens: AccessTokens) {
		this.#projects = projects;
		this.#tokens = tokens;
	}

	get routes(): readonly Route[] {
		const handle = (call: Call) => this.#exchange(call);
		return [
			{ operation: "sts.exchange", service: "sts", method: "POST", path: /^\/v1\/token$/, handle },
			{ operation: "sts.exchange", service: "securetoken", method: "POST", path: /^\/v1\/identitybindingtoken$/, handle },
		];
	}

	trustCluster({ pool, provider, issuer }: TrustedCluster): void {
		const number = this.#projects.numberOfPool(pool);
		if (number === undefined) throw new Error(`${pool} is no pool of a project here`);
		const principal = (claims: JWTPayload) => {
			const [, namespace = "", account = ""] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(claims.sub ?? "") ?? [];
			if (account === "") throw tokenError("invalid_grant", "The subject of the token is no Kubernetes service account.");
			return clusterAccount(number, pool, namespace, account);
		};
		this.#trusted.set(`identitynamespace:${pool}:${provider}`, { ...issuer, audiences: [pool], principal });
	}

	trustProvider({ name, issuer, audiences }: TrustedProvider): void {
		const [, number = "", pool = ""] =
			/^projects\/(\d+)\/locations\/global\/workloadIdentityPools\/([^/]+)\/providers\/[^/]+$/.exec(name) ?? [];
		if (pool === "") throw new Error(`${name} is no provider's name`);
		const resource = `//iam.googleapis.com/${name}`;
		this.#trusted.set(resource, {
			...issuer,
			audiences: audiences ?? [resource, `https:${resource}`],
			principal: ({ sub = "" }) => poolSubject(number, pool, sub),
		});
	}

	/** Forgets a cluster or provider, by the `audience` of the exchange. */
	distrust(audience: string): void {
		this.#trusted.delete(audience);
	}

	async #exchange(call: Call): Promise<Answer> {
		const field = readForm(call);
		if (field("grant_type") !== tokenExchange) throw tokenError("unsupported_grant_type", 'Invalid value for "grant_type".');
		if (field("requested_token_type") !== `${tokenTypes}access_token`)
			throw tokenError("invalid_request", 'Invalid value for "requested_token_type".');
		if (![`${tokenTypes}jwt`, `${tokenTypes}id_token`].includes(field("subject_token_type")))
			throw tokenError("invalid_request", 'Invalid value for "subject_token_type".');
		const scopes = field("scope").split(" ").filter(Boolean);
		if (scopes.length === 0) throw tokenError("invalid_request", 'Invalid value for "scope". It must not be empty.');
		const audience = field("audience");
		if (!/^(\/\/iam\.googleapis\.com\/|identitynamespace:)/.test(audience)) throw tokenError("invalid_request", helpForAudience);
		const trust = this.#trusted.get(audience);
		if (trust === undefined) throw tokenError("invalid_target", noTarget);
		const principal = trust.principal(await verify(field("subject_token"), trust));
		call.principal = principal.name;
		const { token, expiresAt } = this.#tokens.issue(principal, scopes);
		const expiresIn = Math.floor((expiresAt.getTime() - Date.now()) / 1000);
		return json({ access_token: token, issued_token_type: `${tokenTypes}access_token`, token_type: "Bearer", expires_in: expiresIn });
	}
}

/** The fields of a form or of JSON, whose names may be written in either way; missing ones are empty. */
function readForm(call: Call): (name: string) => string {
	const isJson = /^application\/json\b/.test(call.headers["content-type"] ?? "");
	const fields = isJson ? readJson(call.body.toString()) : Object.fromEntries(new URLSearchParams(call.body.toString()));
	return (name) => {
		const value = fields[name] ?? fields[name.replace(/_(\w)/g, (_match, letter: string) => letter.toUpperCase())];
		return typeof value === "string" ? value : "";
	};
}

function readJson(text: string): Readonly<Record<string, unknown>> {
	try {
		return Object(JSON.parse(text)) as Readonly<Record<string, unknown>>;
	} catch {
		throw tokenError("invalid_request", "The body is no JSON.");
	}
}

async function verify(token: string, trust: Trust): Promise<JWTPayload> {
	const claims = await jwtVerify(token, createLocalJWKSet(trust.keys), {
		algorithms: ["RS256"],
		issuer: trust.issuer,
		audience: [...trust.audiences],
		requiredClaims: ["exp", "iat", "sub"],
	}).then(({ payload }) => payload, refuse);
	const { exp = 0, iat = 0, sub = "" } = claims;
	if (iat > Date.now() / 1000 + 60) throw tokenError("invalid_grant", "ID Token is issued in the future.");
	if (exp - iat > longestLifetimeSeconds) throw tokenError("invalid_grant", "The lifetime of the ID Token is longer than 24 hours.");
	if (Buffer.byteLength(sub) > longestSubject)
		throw tokenError("invalid_grant", "The mapped attribute google.subject is longer than 127 bytes.");
	return claims;
}

function refuse(reason: unknown): never {
	if (reason instanceof errors.JWTExpired)
		throw tokenError("invalid_grant", `ID Token issued at ${reason.payload.iat} is stale to sign-in.`);
	if (reason instanceof errors.JWTClaimValidationFailed) {
		const { claim } = reason;
		const what = claim === "aud" ? "audience" : claim === "iss" ? "issuer" : `claim ${claim}`;
		throw tokenError("invalid_grant", `The ${what} in ID Token does not match the expected ${what}.`);
	}
	if (reason instanceof errors.JWSSignatureVerificationFailed || reason instanceof errors.JWKSNoMatchingKey)
		throw tokenError("invalid_grant", "The signature of the ID Token is invalid.");
	throw tokenError("invalid_request", "Unable to parse the ID Token.");
}
