import type { Secret } from "../../shared/secret.ts";
import type { Identity, StoreContext } from "../store.ts";
import { exchangeToken } from "./credential-exchange.ts";
import { askNode } from "./credential-node.ts";
import type { AzureInstance } from "./instance.ts";
import type { Servers } from "./servers.ts";

/** What vaults take as a proof, for a time. */
export interface AccessToken {
	readonly token: Secret;
	/** When it is to be replaced, which is some time before its end. */
	readonly expiresAt: Date;
}

/** What a login takes. */
export interface LoginParts {
	readonly instance: AzureInstance;
	readonly identity: Identity;
	readonly servers: Servers;
	readonly context: StoreContext;
}

/**
 * Gets an access token for the instance's vaults.
 *
 * @throws ProviderError `denied` when the identity is refused, `unidentified` when the proof is not taken, `invalid` for
 * a tenant or resource that does not exist, `refused` by the administrator's policy, `unreachable` on an outage
 */
export function logIn(parts: LoginParts): Promise<AccessToken> {
	return parts.instance.identity === "vm" ? askNode(parts) : exchangeToken(parts);
}
