import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from "jose";
import { type AccessTokens, cloudPlatformScope } from "./access-tokens.ts";
import { type Answer, type Call, json, Refusal, type Route, tokenError } from "./answers.ts";
import { type Principal, serviceAccount } from "./iam.ts";
import type { Project } from "./projects.ts";

interface Key {
	readonly email: string;
	readonly publicKey: KeyObject;
}

const tokenAddress = "https://oauth2.googleapis.com/token";
const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const checks = { algorithms: ["RS256"], requiredClaims: ["exp", "iat"] };
const unreasonable =
	"Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.";

/** Google service accounts and their key files. */
export class ServiceAccounts {
	readonly #project: Project;
	readonly #tokens: AccessTokens;
	readonly #emails = new Set<string>();
	readonly #keys = new Map<string, Key>();

	constructor(project: Project, tokens: AccessTokens) {
		this.#project = project;
		this.#tokens = tokens;
	}

	get routes(): readonly Route[] {
		const handle = (call: Call) => this.#grant(call);
		return [{ operation: "oauth2.token", service: "oauth2", method: "POST", path: /^\/token$/, handle }];
	}

	/** @returns the email address, `<name>@<project>.iam.gserviceaccount.com` */
	add(name: string): string {
		const email = `${name}@${this.#project.id}.iam.gserviceaccount.com`;
		this.#emails.add(email);
		return email;
	}

	has(email: string): boolean {
		return this.#emails.has(email);
	}

	/** Makes a key and gives the text of its file, as the console lets one download it. */
	createKey(email: string): string {
		const { publicKey, privateKey } = generateKeyPairSync("rsa", {
			modulusLength: 2048,
			publicKeyEncoding: { type: "spki", format: "pem" },
			privateKeyEncoding: { type: "pkcs8", format: "pem" },
		});
		const id = randomBytes(20).toString("hex");
		this.#keys.set(id, { email, publicKey: createPublicKey(publicKey) });
		return JSON.stringify({
			type: "service_account",
			project_id: this.#project.id,
			private_key_id: id,
			private_key: privateKey,
			client_email: email,
			client_id: "100000000000000000001",
			auth_uri: "https://accounts.google.com/o/oauth2/auth",
			token_uri: tokenAddress,
			universe_domain: "googleapis.com",
		});
	}

	/** Deletes every key of an account; their files are worth nothing from then on. */
	deleteKeys(email: string): void {
		for (const [id, key] of this.#keys) if (key.email === email) this.#keys.delete(id);
	}

	/**
	 * A JWT that a key's owner has signed for one API instead of asking for an access token; undefined for anything else.
	 * Source: AIP-4111, self-signed JWTs.
	 */
	async judgeSelfSigned(bearer: string, call: Call): Promise<Principal | undefined> {
		if (bearer.split(".").length !== 3) return undefined;
		const claims = await this.#verify(bearer).catch(() => undefined);
		if (claims?.iss === undefined || claims.sub !== claims.iss || isLong(claims)) return undefined;
		const scopes = typeof claims["scope"] === "string" ? claims["scope"].split(" ") : [];
		const isMeant = scopes.includes(cloudPlatformScope) || claims.aud === `https://${call.host.name}/`;
		return isMeant ? serviceAccount(claims.iss) : undefined;
	}

	async #grant(call: Call): Promise<Answer> {
		const form = new URLSearchParams(call.body.toString());
		if (form.get("grant_type") !== jwtBearer) throw tokenError("unsupported_grant_type", "Invalid grant_type.");
		const claims = await this.#verify(form.get("assertion") ?? "");
		if (claims.aud !== tokenAddress) throw tokenError("invalid_grant", "Invalid JWT: Failed audience check.");
		const { iss: email = "" } = claims;
		if (isLong(claims)) throw tokenError("invalid_grant", unreasonable);
		const scope = claims["scope"];
		if (typeof scope !== "string" || scope === "") throw tokenError("invalid_scope", "Invalid OAuth scope or ID token audience provided.");
		const principal = serviceAccount(email);
		call.principal = principal.name;
		const { token, expiresAt } = this.#tokens.issue(principal, scope.split(" "));
		return json({ access_token: token, expires_in: Math.floor((expiresAt.getTime() - Date.now()) / 1000), token_type: "Bearer" });
	}

	async #verify(assertion: string): Promise<JWTPayload> {
		const { kid, iss } = readUnverified(assertion);
		if (!this.#emails.has(iss)) throw tokenError("invalid_grant", "Invalid grant: account not found");
		// Google's own clients do not name the key when they ask for a token.
		const keys = [...this.#keys].filter(([id, { email }]) => email === iss && (kid === undefined || kid === id));
		let refusal = tokenError("invalid_grant", "Invalid JWT Signature.");
		for (const [, { publicKey }] of keys) {
			const claims = await jwtVerify(assertion, publicKey, checks).then(({ payload }) => payload, refusalOf);
			if (!(claims instanceof Refusal)) return claims;
			refusal = claims;
		}
		throw refusal;
	}
}

/** Whether it lives longer than an hour, or begins later. */
function isLong({ iat = 0, exp = 0 }: JWTPayload): boolean {
	return exp - iat > 3600 || iat > Date.now() / 1000 + 60;
}

/** A wrong time is told, and only to who has signed with the key. */
function refusalOf(error: unknown): Refusal {
	const isSigned = error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed;
	return tokenError("invalid_grant", isSigned ? unreasonable : "Invalid JWT Signature.");
}

function readUnverified(assertion: string): { readonly kid: string | undefined; readonly iss: string } {
	try {
		return { kid: decodeProtectedHeader(assertion).kid, iss: decodeJwt(assertion).iss ?? "" };
	} catch {
		throw tokenError("invalid_grant", "Bad Request");
	}
}
