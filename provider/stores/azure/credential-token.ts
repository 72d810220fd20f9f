import { jsonMember, parseJsonObject } from "../../shared/json.ts";
import { Secret } from "../../shared/secret.ts";
import type { AccessToken } from "./credential.ts";

/** A token is replaced when a tenth of its life is left, or this much. */
const longestMargin = 300_000;

/** No token is believed to live longer. */
const longestLife = 7 * 86_400_000;
/** A life is told in seconds, and `@azure/identity` rounds the time that it begins at: what is shorter may be none. */
const shortestLife = 1_000;

/**
 * Reads the answer of the metadata service, which writes its numbers as texts.
 *
 * @param sentAt when it was asked for, in milliseconds: our clock alone decides, whatever the server's says
 * @returns undefined when it holds no token that a header can carry
 */
export function readTokenAnswer(body: Buffer, sentAt: number): AccessToken | undefined {
	const answer = parseJsonObject(body);
	if (answer === undefined) return undefined;
	return makeAccessToken(jsonMember(answer, "access_token"), sentAt, Number(jsonMember(answer, "expires_in")) * 1000);
}

/**
 * @param sentAt when it was asked for, in milliseconds
 * @param life for how long it is taken from then on, in milliseconds
 * @returns undefined when it is no token that a header can carry, or has no life
 */
export function makeAccessToken(token: unknown, sentAt: number, life: number): AccessToken | undefined {
	if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token) || !(life >= shortestLife)) return undefined;
	const believed = Math.min(life, longestLife);
	return { token: new Secret(token), expiresAt: new Date(sentAt + believed - Math.min(believed / 10, longestMargin)) };
}
