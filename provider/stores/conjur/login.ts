import { isJsonObject, type JsonObject, jsonMember, parseJson, parseJsonObject } from "../../shared/json.ts";
import { Secret } from "../../shared/secret.ts";
import type { Identity } from "../store.ts";
import type { CallContext, ConjurClient } from "./client.ts";
import { loginError, nonsense, unanswered } from "./failures.ts";
import type { ConjurInstance } from "./instance.ts";

/** What a login gives. */
export interface ConjurLogin {
	/** The header Authorization of all that follows. */
	readonly authorization: Secret;
	readonly expiresAt: Date;
}

/** What logging in takes. */
export interface LoginParts {
	readonly instance: ConjurInstance;
	readonly identity: Identity;
	readonly client: ConjurClient;
	readonly context: CallContext;
	/** The pod's. */
	readonly token: Secret;
}

/** How long an access token lasts that does not tell: CONJUR_HOST_AUTHORIZATION_TOKEN_TTL unless it is set. */
const usualSeconds = 480;

/**
 * Exchanges the pod's token for an access token by the authenticator authn-jwt.
 *
 * @throws ProviderError `unidentified` or `denied` when the server refuses, `unreachable` on an outage
 */
export async function logIn({ instance, identity, client, context, token }: LoginParts, signal: AbortSignal): Promise<ConjurLogin> {
	const path = loginPath(instance, identity.role);
	const sentAt = Date.now();
	const headers = { "content-type": "application/x-www-form-urlencoded", accept: "application/json" };
	const body = `jwt=${token.reveal().toString("latin1")}`;
	const answer = await client.send({ method: "POST", path, headers, body, signal }, context).catch((error: unknown) => {
		signal.throwIfAborted();
		throw unanswered(error, "login", { client, instance, method: "POST", path });
	});
	if (answer.status !== 200) throw loginError(answer, { instance, identity, confidential: [token] });
	const seconds = lifetimeOf(answer.body, sentAt);
	if (seconds === undefined) {
		const legacyText = "access token field 'payload' is not valid base64";
		throw nonsense(`the login at authn-jwt/${instance.service}: it holds no access token`, { stage: "login", legacyText });
	}
	const authorization = new Secret(`Token token="${answer.body.toString("base64")}"`);
	return { authorization, expiresAt: new Date(sentAt + seconds * 1000) };
}

const longestIdentity = 2000;

/** Why a text can be nobody's identity, as a clause; undefined when it can, or is empty. */
export function identityProblem(identity: string): string | undefined {
	if (identity.length > longestIdentity) return `is longer than ${longestIdentity} characters`;
	if (/\p{Cc}/u.test(identity) || !identity.isWellFormed()) return "holds characters that no name has";
	// It is an element of the login's path.
	return /^\.{1,2}$/.test(identity) ? "names nobody" : undefined;
}

export const identityRemedy = "Write the id of a host, such as host/shop/web, or leave it out where the token says it.";

/** Below the address. An identity is written into it, unless the authenticator takes it from the token. */
export function loginPath({ service, account }: Pick<ConjurInstance, "service" | "account">, identity: string): string {
	const parts = [service, account, ...(identity === "" ? [] : [identity])].map(encodeURIComponent);
	return `/authn-jwt/${parts.join("/")}/authenticate`;
}

/**
 * For how long an access token is good, in seconds: as long as it says from its issue to its end, because the two clocks need
 * not agree. Undefined when it is no access token.
 */
function lifetimeOf(body: Buffer, sentAt: number): number | undefined {
	const token = parseJsonObject(body);
	const payload = token === undefined ? undefined : payloadOf(token);
	if (payload === undefined) return undefined;
	const [issued, end] = [jsonMember(payload, "iat"), jsonMember(payload, "exp")];
	if (typeof end !== "number") return usualSeconds;
	return Math.max(0, typeof issued === "number" ? end - issued : end - sentAt / 1000);
}

function payloadOf(token: JsonObject): JsonObject | undefined {
	const [head, payload, signature] = ["protected", "payload", "signature"].map((name) => jsonMember(token, name));
	if (typeof head !== "string" || typeof payload !== "string" || typeof signature !== "string") return undefined;
	try {
		const parsed = parseJson(Buffer.from(payload, "base64").toString("utf8"));
		return isJsonObject(parsed) ? parsed : undefined;
	} catch {
		return undefined;
	}
}
