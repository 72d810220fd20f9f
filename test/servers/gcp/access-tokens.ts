import { randomBytes } from "node:crypto";
import { type Call, statusError } from "./answers.ts";
import type { Principal } from "./iam.ts";

export const cloudPlatformScope = "https://www.googleapis.com/auth/cloud-platform";

export interface IssuedToken {
	readonly token: string;
	readonly expiresAt: Date;
}

interface TokenRecord {
	readonly principal: Principal;
	readonly scopes: readonly string[];
	readonly expiresAt: Date;
}

/** Judges a bearer that is no token of ours, such as a JWT that a key file's owner signed; undefined when it is nothing known. */
export type JudgeForeignBearer = (bearer: string, call: Call) => Promise<Principal | undefined>;

const documentation = "See https://developers.google.com/identity/sign-in/web/devconsole-project.";

/** The access tokens given out: opaque, bound to who got them, with scopes and an end. */
export class AccessTokens {
	/** How long a token lives unless its request says less. */
	lifetimeSeconds = 3600;
	readonly #records = new Map<string, TokenRecord>();

	issue(principal: Principal, scopes: readonly string[], seconds = this.lifetimeSeconds): IssuedToken {
		const token = `ya29.${randomBytes(96).toString("base64url")}`;
		const expiresAt = new Date(Date.now() + seconds * 1000);
		this.#records.set(token, { principal, scopes, expiresAt });
		return { token, expiresAt };
	}

	/** Makes every token given out so far one that is refused. */
	revokeAll(): void {
		this.#records.clear();
	}

	/** Who the bearer of a call is, without judging anything. */
	holder(call: Call): string {
		return this.#records.get(bearerOf(call) ?? "")?.principal.name ?? "";
	}

	/**
	 * Who asks.
	 *
	 * @param scopes any of them suffices
	 * @throws Refusal UNAUTHENTICATED for a bearer that is missing, unknown or at its end; PERMISSION_DENIED for one without the scope
	 */
	async authenticate(call: Call, judgeForeign: JudgeForeignBearer, scopes: readonly string[] = [cloudPlatformScope]): Promise<Principal> {
		const bearer = bearerOf(call);
		if (bearer === undefined) {
			const message = "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid";
			throw statusError("UNAUTHENTICATED", `${message} authentication credential. ${documentation}`, { reason: "CREDENTIALS_MISSING" });
		}
		const record = this.#records.get(bearer);
		const foreign = record === undefined ? await judgeForeign(bearer, call) : undefined;
		if (foreign !== undefined) return foreign;
		if (record === undefined) throw badToken("ACCESS_TOKEN_TYPE_UNSUPPORTED");
		if (record.expiresAt.getTime() <= Date.now()) throw badToken("ACCESS_TOKEN_EXPIRED");
		if (!record.scopes.some((scope) => scopes.includes(scope))) {
			throw statusError("PERMISSION_DENIED", "Request had insufficient authentication scopes.", {
				reason: "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
			});
		}
		return record.principal;
	}
}

function badToken(reason: string) {
	const message =
		"Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication";
	return statusError("UNAUTHENTICATED", `${message} credential. ${documentation}`, { reason });
}

function bearerOf(call: Call): string | undefined {
	return /^Bearer (\S+)$/i.exec(call.headers.authorization ?? "")?.[1];
}
