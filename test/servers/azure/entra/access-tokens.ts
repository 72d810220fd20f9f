import { createHash, randomUUID } from "node:crypto";
import {
	type CryptoKey,
	createLocalJWKSet,
	decodeJwt,
	errors,
	exportJWK,
	generateKeyPair,
	type JSONWebKeySet,
	type JWTPayload,
	jwtVerify,
	SignJWT,
} from "jose";

/** Whom a token is for. */
export interface Grant {
	readonly tenant: string;
	readonly client: string;
	/** The resource, such as `https://vault.azure.net`. */
	readonly audience: string;
}

export interface IssuedToken {
	readonly token: string;
	readonly issuedAt: number;
	/** Seconds since the epoch. */
	readonly expiresAt: number;
}

/** Issues access tokens (JWT, version 1.0) and judges them as a vault does. */
export class AccessTokens {
	/** Of tokens issued from now on, in seconds. */
	lifetimeSeconds = 3600;
	readonly keys: JSONWebKeySet;
	readonly #privateKey: CryptoKey;
	readonly #verify: ReturnType<typeof createLocalJWKSet>;
	readonly #live = new Set<string>();

	private constructor(keys: JSONWebKeySet, privateKey: CryptoKey) {
		this.keys = keys;
		this.#privateKey = privateKey;
		this.#verify = createLocalJWKSet(keys);
	}

	static async create(): Promise<AccessTokens> {
		const { publicKey, privateKey } = await generateKeyPair("RS256");
		const key = { ...(await exportJWK(publicKey)), kid: randomUUID(), alg: "RS256", use: "sig" };
		return new AccessTokens({ keys: [key] }, privateKey);
	}

	async issue({ tenant, client, audience }: Grant): Promise<IssuedToken> {
		const issuedAt = Math.floor(Date.now() / 1000);
		const expiresAt = issuedAt + this.lifetimeSeconds;
		const id = randomUUID();
		const claims = { appid: client, oid: objectId(client), tid: tenant, uti: id, ver: "1.0" };
		const token = await new SignJWT(claims)
			.setProtectedHeader({ alg: "RS256", typ: "JWT", kid: this.keys.keys[0]?.kid ?? "" })
			.setIssuer(tokenIssuer(tenant))
			.setAudience(audience)
			.setSubject(objectId(client))
			.setIssuedAt(issuedAt)
			.setNotBefore(Math.min(issuedAt, expiresAt))
			.setExpirationTime(expiresAt)
			.sign(this.#privateKey);
		this.#live.add(id);
		return { token, issuedAt, expiresAt };
	}

	/**
	 * The client that a genuine token names.
	 *
	 * @throws TokenFault when it is none, has ended, or is meant for another resource or tenant
	 */
	async judge(token: string, { audience, tenant }: Pick<Grant, "audience" | "tenant">): Promise<string> {
		const claims = await this.#verified(token);
		if (!this.#live.has(String(claims["uti"]))) throw new TokenFault("[TokenExpired] Error validating token: 'S2S12086'.");
		if (claims.aud !== audience) throw new TokenFault(`AKV10022: Invalid audience. Expected ${audience}, found: ${String(claims.aud)}.`);
		if (claims.iss !== tokenIssuer(tenant))
			throw new TokenFault(`AKV10032: Invalid issuer. Expected one of ${tokenIssuer(tenant)}, found ${claims.iss ?? ""}.`);
		return String(claims["appid"]);
	}

	async #verified(token: string): Promise<JWTPayload> {
		try {
			return (await jwtVerify(token, this.#verify, { algorithms: ["RS256"] })).payload;
		} catch (error) {
			if (error instanceof errors.JWTExpired) throw new TokenFault("[TokenExpired] Error validating token: 'S2S12086'.");
			throw new TokenFault("[BearerReadAccessTokenFailed] Error validating token: 'S2S12005'.");
		}
	}

	/** Ends every token that was issued so far, as a revocation does. */
	endAll(): void {
		this.#live.clear();
	}
}

/** Why a vault does not take a token, in its words. */
export class TokenFault extends Error {}

/** The client that a token claims to be of, whether it is genuine or not. */
export function claimedClient(token: string): string | undefined {
	try {
		const client = decodeJwt(token)["appid"];
		return typeof client === "string" ? client : undefined;
	} catch {
		return undefined;
	}
}

/** The directory's own id of an application; the same for the same client id. */
export function objectId(client: string): string {
	const digest = createHash("sha256").update(client).digest("hex");
	return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-4${digest.slice(13, 16)}-8${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
}

export function tokenIssuer(tenant: string): string {
	return `https://sts.windows.net/${tenant}/`;
}
