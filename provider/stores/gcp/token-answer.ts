import { jsonMember, parseJsonObject } from "../../shared/json.ts";
import { Secret } from "../../shared/secret.ts";
import { textOf } from "./google-error.ts";
import type { AccessToken } from "./login-parts.ts";

/** An error as token endpoints tell it. Source: RFC 6749, section 5.2. */
export interface TokenError {
	/** Such as `invalid_grant`; empty for an answer that is none of a token endpoint. */
	readonly error: string;
	readonly description: string;
}

/** Of a longer life nobody makes use, and a wrong number must not keep a dead token for ever. */
const longestMilliseconds = 12 * 3600 * 1000;

/**
 * The token of an answer of RFC 6749, section 5.1; undefined when it holds none.
 *
 * @param sentAt when it was asked for, in milliseconds since 1970: its life began no earlier
 */
export function readTokenAnswer(body: Buffer, sentAt: number): AccessToken | undefined {
	const answer = parseJsonObject(body);
	const seconds = answer === undefined ? undefined : jsonMember(answer, "expires_in");
	if (typeof seconds !== "number") return undefined;
	return accessToken(textOf(answer, "access_token"), sentAt + seconds * 1000, sentAt);
}

/**
 * A token with its end, both checked; undefined when it cannot be used.
 *
 * @param end in milliseconds since 1970, as is `sentAt`
 */
export function accessToken(token: string, end: number, sentAt: number): AccessToken | undefined {
	if (!isToken(token) || !(end > sentAt)) return undefined;
	return { token: new Secret(token), expiresAt: new Date(Math.min(end, sentAt + longestMilliseconds)) };
}

/** Whether a text can be sent as a bearer. */
export function isToken(text: string): boolean {
	return /^[\x21-\x7e]{1,16384}$/.test(text);
}

export function readTokenError(body: Buffer): TokenError {
	const answer = parseJsonObject(body);
	const error = textOf(answer, "error");
	if (!/^[a-z_]{2,60}$/.test(error)) return { error: "", description: "" };
	return { error, description: textOf(answer, "error_description") };
}
