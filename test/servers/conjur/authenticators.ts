import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTPayload, jwtVerify } from "jose";
import { type Answer, Refusal, type StandInRequest } from "../stand-in.ts";
import type { AccessTokens } from "./access-tokens.ts";
import { explained, json, silent } from "./answers.ts";
import type { Policy } from "./policy.ts";

/** An authenticator `conjur/authn-jwt/<service>`, by the values of its variables. */
export interface JwtAuthenticator {
	/** Who signs the tokens. A function is called at every login, as `jwks-uri` would be; when it fails, the login does. */
	readonly keys: JSONWebKeySet | (() => Promise<JSONWebKeySet>);
	/** What `iss` must be; anything unless given. */
	readonly issuer?: string;
	/** What must be in `aud`; anything unless given. */
	readonly audience?: string;
	/** The claim that names the host, such as `sub` or `kubernetes.io/serviceaccount/name`. Without it the URL must name one. */
	readonly tokenAppProperty?: string;
	/** The policy branch of the hosts that the claim names. */
	readonly identityPath?: string;
}

export interface LoginPath {
	readonly service: string;
	readonly account: string;
	/** Decoded; `host/x` for a host. */
	readonly id: string | undefined;
}

export interface AuthenticatorParts {
	readonly account: string;
	readonly policy: Policy;
	readonly tokens: AccessTokens;
}

/** Claims that cannot be restrictions of a host. */
const standardClaims = ["exp", "nbf", "iat", "iss"];

/**
 * Logins with a JSON Web Token. Sources: Conjur's documentation of authn-jwt, and the behaviour of server 1.24.
 * A login that is refused is told nothing but the status, except that its token has expired.
 */
export class Authenticators {
	readonly #parts: AuthenticatorParts;
	readonly #authenticators = new Map<string, JwtAuthenticator>();
	readonly #disabled = new Set<string>();

	constructor(parts: AuthenticatorParts) {
		this.#parts = parts;
	}

	/** Sets up and enables an authenticator, or changes it. Hosts need `authenticate` on `webservice:conjur/authn-jwt/<service>`. */
	add(service: string, authenticator: JwtAuthenticator): void {
		this.#authenticators.set(service, authenticator);
		this.#disabled.delete(service);
	}

	/** Takes an authenticator from those that the server allows. */
	disable(service: string): void {
		this.#disabled.add(service);
	}

	/** @throws Refusal 400, 401 or 403 */
	async login(request: StandInRequest, path: LoginPath): Promise<{ readonly login: string; readonly answer: Answer }> {
		const { account, policy, tokens } = this.#parts;
		const { service } = path;
		const authenticator = this.#authenticators.get(service);
		if (authenticator === undefined || this.#disabled.has(service) || path.account !== account) throw silent(401);
		const claims = await verify(tokenOf(request), authenticator);
		const login = identity(claims, authenticator, path.id);
		if (!policy.has(login)) throw silent(401);
		if (!policy.permits(login, "authenticate", webservice(service))) throw silent(403);
		if (!meets(claims, policy.annotations(login), `authn-jwt/${service}/`)) throw silent(401);
		return { login, answer: tokenAnswer(request, tokens.issue(login)) };
	}

	/** What an authenticator thinks of itself, for who may `read` its `/status`. @throws Refusal */
	async status(login: string, service: string): Promise<Answer> {
		const authenticator = this.#authenticators.get(service);
		if (authenticator === undefined) throw silent(404);
		if (!this.#parts.policy.permits(login, "read", `${webservice(service)}/status`)) throw silent(403);
		if (this.#disabled.has(service)) throw unhealthy(`CONJ00004E '${service}' is not enabled`);
		await keysOf(authenticator).catch(() => {
			throw unhealthy("CONJ00087E Failed to fetch JWKS");
		});
		return json({ status: "ok" });
	}
}

function webservice(service: string): string {
	return `webservice:conjur/authn-jwt/${service}`;
}

function unhealthy(error: string): Refusal {
	const { headers, body = "" } = json({ status: "error", error });
	return new Refusal(error, { status: 500, ...(headers === undefined ? {} : { headers }), body });
}

function tokenOf(request: StandInRequest): string {
	const isForm = /^application\/x-www-form-urlencoded\b/.test(request.headers["content-type"] ?? "");
	const token = isForm ? new URLSearchParams(request.body.toString()).get("jwt") : null;
	if (token === null || token === "") throw explained(400, "CONJ00009E Field 'jwt' is missing or empty in request body");
	return token;
}

async function keysOf({ keys }: JwtAuthenticator): Promise<JSONWebKeySet> {
	return typeof keys === "function" ? keys() : keys;
}

async function verify(token: string, authenticator: JwtAuthenticator): Promise<JWTPayload> {
	if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) throw silent(401);
	const keys = await keysOf(authenticator).catch(() => {
		throw silent(401);
	});
	const { issuer, audience } = authenticator;
	const claims = await jwtVerify(token, createLocalJWKSet(keys), {
		algorithms: ["RS256", "RS384", "RS512"],
		requiredClaims: ["exp"],
		...(issuer === undefined ? {} : { issuer }),
		...(audience === undefined ? {} : { audience }),
	}).then(({ payload }) => payload, refuse);
	if ((claims.iat ?? 0) > Date.now() / 1000) throw silent(401);
	return claims;
}

function refuse(reason: unknown): never {
	throw reason instanceof errors.JWTExpired ? explained(401, "CONJ00016E Token expired") : silent(401);
}

/** Who logs in: as a claim says, or as the URL says, but never as both or neither. */
function identity(claims: JWTPayload, { tokenAppProperty, identityPath }: JwtAuthenticator, id: string | undefined): string {
	if ((tokenAppProperty === undefined) === (id === undefined)) throw silent(401);
	if (id !== undefined) return id;
	const name = claimAt(claims, tokenAppProperty ?? "");
	if (typeof name !== "string" || name === "") throw silent(401);
	return ["host", ...(identityPath === undefined ? [] : [identityPath]), name].join("/");
}

/** Whether a token is as the host's annotations demand, of which there must be one. */
function meets(claims: JWTPayload, annotations: Readonly<Record<string, string>>, prefix: string): boolean {
	const restrictions = Object.entries(annotations)
		.filter(([name]) => name.startsWith(prefix))
		.map(([name, value]) => [name.slice(prefix.length), value] as const);
	if (restrictions.length === 0 || restrictions.some(([claim]) => standardClaims.includes(claim))) return false;
	return restrictions.every(([claim, value]) => {
		const found = claimAt(claims, claim);
		return typeof found !== "object" && found !== undefined && String(found) === value;
	});
}

/** A claim by its path, whose steps slashes divide, though names may hold dots: `kubernetes.io/serviceaccount/name`. */
function claimAt(claims: JWTPayload, path: string): unknown {
	let current: unknown = claims;
	for (const step of path.split("/")) {
		if (typeof current !== "object" || current === null || !Object.hasOwn(current, step)) return undefined;
		current = Reflect.get(current, step);
	}
	return current;
}

function tokenAnswer(request: StandInRequest, token: string): Answer {
	const accepted = String(request.headers["accept-encoding"] ?? "").split(",");
	if (!accepted.some((encoding) => encoding.trim().toLowerCase() === "base64"))
		return { status: 200, headers: { "content-type": "application/json; charset=utf-8" }, body: token };
	const headers = { "content-type": "text/plain; charset=utf-8", "content-encoding": "base64" };
	return { status: 200, headers, body: Buffer.from(token).toString("base64") };
}
