import { AsyncLocalStorage } from "node:async_hooks";
import type { Secret } from "../../shared/secret.ts";

/** Who makes a call, and under which conditions. */
export interface VaultCall {
	readonly token: Secret;
	readonly signal: AbortSignal;
	allowsAddress(address: string): boolean;
	/** Hears that the vault does not take the access token, with its challenge. @returns the error to throw */
	refused(challenge: string): Error;
}

/**
 * The call that is being made. It goes past the SDK, which keeps a token for each of its clients, of which one serves
 * all identities here; and which hands a signal on with the first page of a list and forgets it with the others.
 */
export const currentCall = new AsyncLocalStorage<VaultCall>();
