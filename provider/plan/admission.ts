import type { Secret } from "../shared/secret.ts";
import type { Identity } from "../stores/store.ts";

/** What policy grants one store of one plan: to be asked as this identity, with this token, at these addresses. */
export interface Admission {
	readonly identity: Identity;
	readonly token: Secret;
	/** Seconds since 1970: after that no store takes the token any more. */
	readonly tokenExpiresAt: number;
	/** Whether a connection to this resolved IP address may be opened. */
	allowsAddress(address: string): boolean;
}
