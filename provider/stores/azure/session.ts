import type { Failed, Identity, Outcome, Session, StoreContext } from "../store.ts";
import { VaultClient } from "./client.ts";
import { Sdk } from "./client-sdk.ts";
import { logIn } from "./credential.ts";
import type { AzureInstance } from "./instance.ts";
import { readCiphertext } from "./kms-decrypt.ts";
import { readStored } from "./read.ts";
import type { AzureRef } from "./ref.ts";
import { Servers } from "./servers.ts";

/**
 * Logs in as one identity: the pod's newest token, or another proof, is exchanged once, and the session lasts until
 * shortly before the access token's end. Connections and the SDK's clients are the instance's.
 */
export async function openSession(instance: AzureInstance, identity: Identity, context: StoreContext): Promise<Session> {
	const { servers, sdk } = context.once(() => connectTo(instance));
	const token = await logIn({ instance, identity, servers, context });
	const { schedule, allowsAddress } = context;
	const client = new VaultClient({ instance, servers, sdk, token, context: { schedule, allowsAddress } });
	return new AzureSession({ instance, identity, client }, token.expiresAt);
}

function connectTo(instance: AzureInstance): { readonly servers: Servers; readonly sdk: Sdk } {
	const servers = new Servers(instance);
	return { servers, sdk: new Sdk(instance, servers) };
}

/** One vault as one identity sees it. */
export interface Place {
	readonly instance: AzureInstance;
	readonly identity: Identity;
	readonly client: VaultClient;
}

class AzureSession implements Session {
	/** Key Vault has no batches. */
	readonly batchSize = 1;
	readonly #place: Place;
	readonly #expiresAt: Date;

	constructor(place: Place, expiresAt: Date) {
		this.#place = place;
		this.#expiresAt = expiresAt;
	}

	/** A token that the vault does not take any more has ended, whatever was said of its end. */
	get expiresAt(): Date {
		return this.#place.client.hasEnded ? new Date(0) : this.#expiresAt;
	}

	read(refs: readonly AzureRef[], signal: AbortSignal): Promise<readonly (Outcome | Failed)[]> {
		return Promise.all(refs.map((ref) => this.#readOne(ref, signal)));
	}

	#readOne(ref: AzureRef, signal: AbortSignal): Promise<Outcome | Failed> {
		return ref.kind === "ciphertext" ? readCiphertext(ref, this.#place, signal) : readStored(ref, this.#place, signal);
	}
}
