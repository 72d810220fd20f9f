import { LRUCache } from "lru-cache";
import type { Session } from "../stores/store.ts";

/** Identities of one node: service accounts times stores. Beyond it the longest unused one logs in again. */
const maximumSessions = 4096;
/** A login that has less left than this is not used for another read. */
const expiryMarginMilliseconds = 10_000;
/** After a new login that did not help, denials are believed for this long without logging in again. */
const believedMilliseconds = 30_000;

interface Login {
	readonly session: Session;
	/** Until when a denial is taken as the store's word, because a login just before met it too. */
	denialsBelievedUntil: number;
}

/** The logins of this node, one per identity. */
export class Sessions {
	readonly #logins = new LRUCache<string, Login>({ max: maximumSessions });

	get count(): number {
		return this.#logins.size;
	}

	/** The session of an identity, unless there is none or it is about to end. */
	get(identityKey: string): Session | undefined {
		const login = this.#logins.get(identityKey);
		if (login === undefined) return undefined;
		const { expiresAt } = login.session;
		if (expiresAt === undefined || expiresAt.getTime() - expiryMarginMilliseconds > Date.now()) return login.session;
		this.#logins.delete(identityKey);
		return undefined;
	}

	keep(identityKey: string, session: Session): void {
		this.#logins.set(identityKey, { session, denialsBelievedUntil: 0 });
	}

	/**
	 * Whether a denial met with this session may come from a login that the store has ended meanwhile.
	 * Forgets the session if so.
	 */
	doubt(identityKey: string, session: Session): boolean {
		const login = this.#logins.get(identityKey);
		if (login?.session !== session) return true;
		if (login.denialsBelievedUntil > Date.now()) return false;
		this.#logins.delete(identityKey);
		return true;
	}

	/** Notes that a fresh login met the same denial: it is about rights. */
	believeDenials(identityKey: string): void {
		const login = this.#logins.get(identityKey);
		if (login !== undefined) login.denialsBelievedUntil = Date.now() + believedMilliseconds;
	}
}
