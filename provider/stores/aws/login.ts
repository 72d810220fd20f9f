import { type AwsLogin, assumeRole, type LoginParts as WebLoginParts } from "../../aws/web-identity.ts";
import type { AwsInstance } from "./instance.ts";
import { askAgent } from "./pod-identity.ts";

/** What a login takes. */
export interface LoginParts extends WebLoginParts {
	readonly instance: AwsInstance;
}

/**
 * Logs in with the pod's token, the way that the instance says.
 *
 * @throws ProviderError `denied` when AWS refuses the identity, `unidentified` when it does not take the token,
 * `unreachable` on an outage
 */
export function logIn(parts: LoginParts): Promise<AwsLogin> {
	return parts.instance.identity === "pod" ? askAgent(parts) : assumeRole(parts);
}
