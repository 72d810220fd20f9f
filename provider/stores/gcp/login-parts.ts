import type { Secret } from "../../shared/secret.ts";
import type { Identity, StoreContext } from "../store.ts";
import type { GcpInstance } from "./instance.ts";
import type { Servers } from "./servers.ts";

/** What a login gives. */
export interface AccessToken {
	readonly token: Secret;
	readonly expiresAt: Date;
}

/** What a login takes. */
export interface LoginParts {
	readonly instance: GcpInstance;
	readonly servers: Servers;
	readonly identity: Identity;
	readonly context: StoreContext;
}

/** What every access token is asked for; what it may do, IAM decides. */
export const scope = "https://www.googleapis.com/auth/cloud-platform";
