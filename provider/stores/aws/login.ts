import type { Identity, StoreContext } from "../store.ts";
import type { AwsCredentials } from "./clients.ts";
import type { Connections } from "./connections.ts";
import type { AwsInstance } from "./instance.ts";
import { askAgent } from "./pod-identity.ts";
import { assumeRole } from "./web-identity.ts";

/** What a login gives. */
export interface AwsLogin {
	readonly credentials: AwsCredentials;
	readonly expiresAt: Date;
}

/** What a login takes. */
export interface LoginParts {
	readonly instance: AwsInstance;
	readonly connections: Connections;
	readonly identity: Identity;
	readonly context: StoreContext;
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
