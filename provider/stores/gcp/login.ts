import { grantForKey } from "./key-file.ts";
import type { AccessToken, LoginParts } from "./login-parts.ts";
import { askNode } from "./node-identity.ts";
import { becomePod } from "./workload.ts";

/**
 * Gets an access token, the way that the instance says.
 *
 * @throws ProviderError `denied` when Google refuses the identity, `unidentified` when it does not take the token or
 * key, `unreachable` on an outage
 */
export function logIn(parts: LoginParts): Promise<AccessToken> {
	const { identity } = parts.instance;
	if (identity === "node") return askNode(parts);
	return identity === "key" ? grantForKey(parts) : becomePod(parts);
}
