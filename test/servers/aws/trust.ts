import { createLocalJWKSet, decodeJwt, errors, type JWTPayload, jwtVerify } from "jose";
import type { TokenIssuer } from "../../support/token-issuer.ts";
import type { AwsError } from "./aws-error.ts";
import { fitsPattern } from "./permissions.ts";

/** Who signs tokens, and the keys to verify them with. */
export type IssuerKeys = Pick<TokenIssuer, "issuer" | "keys">;

/** Whose tokens may act as a role: its trust policy. */
export interface RoleTrust {
	readonly issuer: IssuerKeys;
	/** The token's `sub`, such as `system:serviceaccount:shop:web`; may hold `*` and `?`. */
	readonly subject: string;
	/** Default `sts.amazonaws.com`. */
	readonly audience?: string;
}

/** How a service words what can be wrong with a token. */
export interface TokenRefusals {
	readonly malformed: AwsError;
	readonly unknownIssuer: (issuer: string) => AwsError;
	/** The issuer has no key of the id that the token names. */
	readonly unknownKey: AwsError;
	readonly signature: AwsError;
	readonly audience: AwsError;
	readonly expired: AwsError;
}

/** @throws AwsError in the words given */
export async function verifyToken(
	token: string,
	issuers: ReadonlyMap<string, IssuerKeys>,
	audiences: readonly string[],
	refusals: TokenRefusals,
): Promise<JWTPayload> {
	const issuer = issuerOf(token);
	if (issuer === undefined) throw refusals.malformed;
	const trusted = issuers.get(issuer);
	if (trusted === undefined) throw refusals.unknownIssuer(issuer);
	try {
		const { payload } = await jwtVerify(token, createLocalJWKSet(trusted.keys), {
			issuer,
			audience: [...audiences],
			requiredClaims: ["exp"],
		});
		return payload;
	} catch (error) {
		if (error instanceof errors.JWTExpired) throw refusals.expired;
		if (error instanceof errors.JWTClaimValidationFailed && error.claim === "aud") throw refusals.audience;
		throw error instanceof errors.JWKSNoMatchingKey ? refusals.unknownKey : refusals.signature;
	}
}

function issuerOf(token: string): string | undefined {
	try {
		return decodeJwt(token).iss;
	} catch {
		return undefined;
	}
}

const usualAudience = "sts.amazonaws.com";

/** The roles of an account, and whose tokens may act as them. */
export class RoleTrusts {
	readonly #issuers = new Map<string, IssuerKeys>();
	readonly #audiences = new Set<string>();
	readonly #byRole = new Map<string, RoleTrust[]>();

	add(role: string, trust: RoleTrust): void {
		this.#issuers.set(trust.issuer.issuer, trust.issuer);
		this.#audiences.add(trust.audience ?? usualAudience);
		this.#byRole.set(role, [...(this.#byRole.get(role) ?? []), trust]);
	}

	/** The account's identity providers stay. */
	remove(role: string): void {
		this.#byRole.delete(role);
	}

	/** The identity providers of the account. */
	get issuers(): ReadonlyMap<string, IssuerKeys> {
		return this.#issuers;
	}

	/** The audiences that the account's identity providers take. */
	get audiences(): readonly string[] {
		return [...this.#audiences];
	}

	trusts(role: string, { iss = "", sub = "", aud = [] }: JWTPayload): boolean {
		return (this.#byRole.get(role) ?? []).some(
			({ issuer, subject, audience = usualAudience }) =>
				issuer.issuer === iss && fitsPattern(subject, sub) && [aud].flat().includes(audience),
		);
	}
}
