/** Encrypts with a key of KMS, by whomever it is asked for. */
export type Encrypt = (request: EncryptRequest) => Promise<Uint8Array>;

export interface EncryptRequest {
	/** An alias or an ARN. */
	readonly key: string;
	readonly plaintext: Uint8Array;
	readonly context: Readonly<Record<string, string>>;
}

/** Who speaks to whom, for how long. */
export interface TokenClaims {
	/** Alias or ARN of the key that Confidant authenticates with. */
	readonly key: string;
	/** The service or person that the token is of. */
	readonly from: string;
	/** What Confidant calls itself, its AUTH_CONTEXT. */
	readonly to: string;
	/** Default `service`. */
	readonly userType?: string;
	/** Default 2; tokens of version 1 do not tell the type of their user. */
	readonly version?: 1 | 2;
	/** Minutes from now; default −3. */
	readonly notBefore?: number;
	/** Minutes from now; default 7. */
	readonly notAfter?: number;
}

/** What goes into HTTP Basic, or into the headers `X-Auth-From` and `X-Auth-Token`. */
export interface KmsauthToken {
	readonly username: string;
	readonly token: string;
}

/** Makes a token as kmsauth's own client does. Source: kmsauth 0.6.3, KMSTokenGenerator. */
export async function mintToken(encrypt: Encrypt, claims: TokenClaims): Promise<KmsauthToken> {
	const { key, from, to, userType = "service", version = 2, notBefore = -3, notAfter = 7 } = claims;
	const validity = JSON.stringify({ not_before: timestamp(notBefore), not_after: timestamp(notAfter) });
	const context = version === 2 ? { from, to, user_type: userType } : { from, to };
	const token = await encrypt({ key, plaintext: Buffer.from(validity), context });
	return { username: version === 2 ? `2/${userType}/${from}` : from, token: Buffer.from(token).toString("base64") };
}

/** The value of the header `Authorization`. */
export function basicAuthorization({ username, token }: KmsauthToken): string {
	return `Basic ${Buffer.from(`${username}:${token}`).toString("base64")}`;
}

/** Such as `20261124T134500Z`. */
function timestamp(minutesFromNow: number): string {
	const time = new Date(Date.now() + minutesFromNow * 60_000).toISOString();
	return time.replaceAll(/[-:]|\.\d+/g, "");
}
