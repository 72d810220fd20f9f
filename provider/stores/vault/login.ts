import { isJsonObject, type JsonObject, jsonMember, parseJsonObject, stringifyJson } from "../../shared/json.ts";
import { Secret } from "../../shared/secret.ts";
import type { Identity, StoreContext } from "../store.ts";
import type { VaultClient } from "./client.ts";
import { atStage, callError, nonsenseError } from "./failures.ts";
import type { VaultInstance } from "./instance.ts";

/** What a login gives. */
export interface VaultLogin {
	readonly token: Secret;
	/** Undefined for a token without an end. */
	readonly expiresAt: Date | undefined;
	/** Batch tokens leave nothing on the server and cannot be revoked. */
	readonly revocable: boolean;
	readonly renewable: boolean;
}

/**
 * Logs in with the pod's token at `auth/<mount>/login`, which serves the auth methods kubernetes and jwt alike.
 *
 * @throws ProviderError `denied` with the server's reason, `unreachable` on an outage
 */
export async function logIn(
	client: VaultClient,
	instance: VaultInstance,
	identity: Identity,
	context: StoreContext,
	signal: AbortSignal,
): Promise<VaultLogin> {
	const path = `/auth/${instance.authMount}/login`;
	const jwt = context.token.reveal().toString("utf8");
	const body = stringifyJson(identity.role === "" ? { jwt } : { jwt, role: identity.role });
	const sentAt = Date.now();
	const answer = await client.send({ method: "POST", path, body, signal }, context).catch((error: unknown) => {
		throw atStage(error, "login");
	});
	const subject = `the login of ${identity.namespace}/${identity.serviceAccount} as role ${JSON.stringify(identity.role)} at auth/${instance.authMount}`;
	if (answer.status !== 200) {
		const call = { stage: "login", method: "POST", url: client.url(path), subject, answer, confidential: [context.token] } as const;
		throw callError(instance, call);
	}
	const envelope = parseJsonObject(answer.body);
	const auth = envelope === undefined ? undefined : jsonMember(envelope, "auth");
	const login = isJsonObject(auth) ? readAuth(auth, sentAt) : undefined;
	if (login === undefined) throw nonsenseError("login", subject, "the answer holds no token");
	return login;
}

/** The member `auth` of an answer; undefined when it holds no token. */
export function readAuth(auth: JsonObject, sentAt: number): VaultLogin | undefined {
	const token = jsonMember(auth, "client_token");
	if (!isToken(token)) return undefined;
	const seconds = jsonMember(auth, "lease_duration");
	const hasEnd = typeof seconds === "number" && seconds > 0;
	return {
		token: new Secret(token),
		expiresAt: hasEnd ? new Date(sentAt + seconds * 1000) : undefined,
		revocable: jsonMember(auth, "token_type") !== "batch",
		renewable: hasEnd && jsonMember(auth, "renewable") === true,
	};
}

/** What cannot stand in a header is no token. */
export function isToken(value: unknown): value is string {
	return typeof value === "string" && /^[\x21-\x7e]+$/.test(value);
}
