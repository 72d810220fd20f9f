import { isJsonObject, JsonError, type JsonObject, jsonMember, parseJson } from "../../shared/json.ts";
import { Secret } from "../../shared/secret.ts";
import type { AccessToken } from "./credential.ts";

/** A token is replaced when a tenth of its life is left, or this much. */
const longestMargin = 300_000;

/**
 * Reads the answer of a token endpoint (RFC 6749 §5.1) or of the metadata service, which writes its numbers as texts.
 *
 * @param sentAt when it was asked for, in milliseconds: our clock alone decides, whatever the server's says
 * @returns undefined when it holds no token that a header can carry
 */
export function readTokenAnswer(body: Buffer, sentAt: number): AccessToken | undefined {
	const answer = parseObject(body);
	if (answer === undefined) return undefined;
	const token = jsonMember(answer, "access_token");
	const seconds = Number(jsonMember(answer, "expires_in"));
	if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token) || !(seconds > 0)) return undefined;
	const life = Math.min(seconds, 7 * 86_400) * 1000;
	return { token: new Secret(token), expiresAt: new Date(sentAt + life - Math.min(life / 10, longestMargin)) };
}

/** A body that is a JSON object. */
export function parseObject(body: Buffer | string): JsonObject | undefined {
	try {
		const value = parseJson(body.toString("utf8"));
		return isJsonObject(value) ? value : undefined;
	} catch (error) {
		if (error instanceof JsonError) return undefined;
		throw error;
	}
}
