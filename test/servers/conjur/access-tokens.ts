import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { StandInRequest } from "../stand-in.ts";
import { unauthorized } from "./answers.ts";
import type { Policy } from "./policy.ts";

interface Claims {
	readonly sub: string;
	readonly iat: number;
	readonly exp: number;
}

/** The access tokens: JSON of three parts in padded base64url, signed, with an end. Only Conjur itself can check the signature. */
export class AccessTokens {
	/** How long a new token lives; 480 s is Conjur's own default, and 5 h the most. */
	lifetimeSeconds = 480;
	readonly #policy: Policy;
	#key = randomBytes(32);

	constructor(policy: Policy) {
		this.#policy = policy;
	}

	issue(login: string, seconds = this.lifetimeSeconds): string {
		const now = Math.floor(Date.now() / 1000);
		const claims: Claims = { sub: login, exp: now + seconds, iat: now };
		const header = encode(JSON.stringify({ alg: "conjur.org/slosilo/v2", kid: "stand-in" }));
		const payload = encode(JSON.stringify(claims));
		return JSON.stringify({ protected: header, payload, signature: encode(this.#sign(header, payload)) });
	}

	/** Makes every token given out so far one that is refused. */
	revokeAll(): void {
		this.#key = randomBytes(32);
	}

	/** Who holds the token of a request, without judging its time; empty where there is no good one. */
	holder(request: StandInRequest): string {
		return this.#claims(request)?.sub ?? "";
	}

	/** @returns the login @throws Refusal 401 */
	authenticate(request: StandInRequest): string {
		return this.claims(request).sub;
	}

	/** @throws Refusal 401 for a token that is missing, wrong, at its end, or of a role that is gone */
	claims(request: StandInRequest): Claims {
		if (request.headers.authorization === undefined) throw unauthorized("Authorization missing");
		const claims = this.#claims(request);
		if (claims === undefined || !this.#policy.has(claims.sub)) throw unauthorized("Unauthorized: Invalid token");
		if (claims.exp <= Date.now() / 1000) throw unauthorized("Unauthorized: Token expired");
		return claims;
	}

	#claims(request: StandInRequest): Claims | undefined {
		const encoded = /^Token token="([A-Za-z0-9+/]+={0,2})"$/.exec(request.headers.authorization ?? "")?.[1];
		if (encoded === undefined) return undefined;
		const parts = parse(Buffer.from(encoded, "base64").toString()) as { protected?: unknown; payload?: unknown; signature?: unknown };
		const signature = this.#sign(String(parts.protected), String(parts.payload));
		const given = Buffer.from(String(parts.signature), "base64url");
		if (given.length !== signature.length || !timingSafeEqual(given, signature)) return undefined;
		return parse(Buffer.from(String(parts.payload), "base64url").toString()) as Claims;
	}

	#sign(header: string, payload: string): Buffer {
		return createHmac("sha256", this.#key).update(`${header}.${payload}`).digest();
	}
}

/** Base64url with padding, as Ruby writes it. */
function encode(value: string | Buffer): string {
	return Buffer.from(value).toString("base64").replaceAll("+", "-").replaceAll("/", "_");
}

function parse(text: string): object {
	try {
		return Object(JSON.parse(text));
	} catch {
		return {};
	}
}
