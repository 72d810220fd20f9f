import type { Failed, Identity, Outcome, Session, StoreContext } from "../store.ts";
import type { GcpInstance } from "./instance.ts";
import { readCiphertext } from "./kms-decrypt.ts";
import { logIn } from "./login.ts";
import { type ReadParts, readResource } from "./read.ts";
import type { GcpRef } from "./ref.ts";
import { Servers } from "./servers.ts";

/** Logs in as one identity. Connections are the instance's; the session adds the identity's access token. */
export async function openSession(instance: GcpInstance, identity: Identity, context: StoreContext): Promise<Session> {
	const servers = context.once(() => new Servers(instance));
	const { token, expiresAt } = await logIn({ instance, servers, identity, context });
	const { schedule, allowsAddress } = context;
	return new GcpSession({ instance, identity, servers, context: { schedule, allowsAddress }, token }, expiresAt);
}

class GcpSession implements Session {
	/** These APIs have no batches. */
	readonly batchSize = 1;
	readonly #parts: ReadParts;
	#expiresAt: Date;

	constructor(parts: Omit<ReadParts, "onEnded">, expiresAt: Date) {
		this.#expiresAt = expiresAt;
		// A token that Google does not take any more has ended, whatever it said of its end.
		this.#parts = {
			...parts,
			onEnded: () => {
				this.#expiresAt = new Date(0);
			},
		};
	}

	get expiresAt(): Date {
		return this.#expiresAt;
	}

	read(refs: readonly GcpRef[], signal: AbortSignal): Promise<readonly (Outcome | Failed)[]> {
		return Promise.all(refs.map((ref) => this.#readOne(ref, signal)));
	}

	#readOne(ref: GcpRef, signal: AbortSignal): Promise<Outcome | Failed> {
		return ref.kind === "ciphertext" ? readCiphertext(ref, this.#parts, signal) : readResource(ref, this.#parts, signal);
	}
}
