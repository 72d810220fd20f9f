import type { Secret } from "../shared/secret.ts";
import type { Identity } from "../stores/store.ts";

/** What policy grants one store of one plan: to be asked as this identity, with this token, at these addresses. */
export interface Admission {
	readonly identity: Identity;
	readonly token: Secret;
	/** Whether a connection to this resolved IP address may be opened. */
	allowsAddress(address: string): boolean;
}
