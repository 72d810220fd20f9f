import { jsonMember } from "../../shared/json.ts";
import { Secret } from "../../shared/secret.ts";
import { parseObject, textOf } from "./google-error.ts";
import type { AccessToken } from "./login-parts.ts";

/** An error as token endpoints tell it. Source: RFC 6749, section 5.2. */
export interface TokenError {
	/** Such as `invalid_grant`; empty for an answer that is none of a token endpoint. */
	readonly error: string;
	readonly description: string;
}

/** Of a longer life nobody makes use, and a wrong number must not keep a dead token for ever. */
const longestSeconds = 12 * 3600;

/**
 * The token of an answer of RFC 6749, section 5.1; undefined when it holds none.
 *
 * @param sentAt when it was asked for, in milliseconds since 1970: its life began no earlier
 */
export function readTokenAnswer(body: Buffer, sentAt: number): AccessToken | undefined {
	const answer = parseObject(body);
	const token = textOf(answer, "access_token");
	const seconds = answer === undefined ? undefined : jsonMember(answer, "expires_in");
	if (!isToken(token) || typeof seconds !== "number" || !(seconds > 0)) return undefined;
	return { token: new Secret(token), expiresAt: new Date(sentAt + Math.min(seconds, longestSeconds) * 1000) };
}

/** Whether a text can be sent as a bearer. */
export function isToken(text: string): boolean {
	return /^[\x21-\x7e]{1,16384}$/.test(text);
}

export function readTokenError(body: Buffer): TokenError {
	const answer = parseObject(body);
	const error = textOf(answer, "error");
	if (!/^[a-z_]{2,60}$/.test(error)) return { error: "", description: "" };
	return { error, description: textOf(answer, "error_description") };
}
