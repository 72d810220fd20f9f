import { settleAttempt, withRetries } from "../../shared/retry.ts";
import type { AccessToken, LoginParts } from "./credential.ts";
import { type FailedLogin, loginError, TokenRefusal, unansweredLogin } from "./credential-failures.ts";
import { proofOf } from "./credential-proof.ts";

/**
 * Exchanges the pod's token, or a client secret, for an access token at the authority, or at the cluster's token proxy,
 * which takes the same request. `@azure/identity` makes the request and reads the answer; when it is made again is ours
 * to say, because all identities of an instance share what the authority bears. Sources: Microsoft identity platform,
 * "OAuth 2.0 client credentials flow"; RFC 7523.
 *
 * @throws ProviderError as {@link logIn}
 */
export async function exchangeToken(parts: LoginParts): Promise<AccessToken> {
	const { instance, identity, servers, context } = parts;
	const proof = proofOf(parts);
	const failed: FailedLogin = { instance, identity, client: proof.client, title: proof.credential, token: context.token };
	// Loaded with the first login that needs it: one as the node does not.
	const { EntraLogin } = await import("./credential-sdk.ts");
	const login = new EntraLogin(parts, proof);
	const settled = await withRetries(() => settleAttempt(() => login.attempt(), answerOf), context.signal, {
		budget: servers.login.budget,
		schedule: (task) => context.schedule(task, context.signal),
	}).catch((error: unknown) => {
		throw unansweredLogin(error, failed);
	});
	if ("answer" in settled) return settled.answer;
	const answer = answerOf(settled.error);
	throw answer === undefined ? settled.error : loginError(answer, failed);
}

/** Without an answer it is our transport's error, which knows whether the connection was lost. */
function answerOf(error: unknown) {
	return error instanceof TokenRefusal ? error.answer : undefined;
}
