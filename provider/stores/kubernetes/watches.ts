import { LRUCache } from "lru-cache";
import { ProviderError } from "../../errors.ts";
import type { Identity } from "../store.ts";
import type { ApiServer } from "./api-server.ts";
import type { KubernetesRef } from "./ref.ts";
import type { Seen } from "./secret-answer.ts";
import { type Listener, SecretWatch, type WatchAs } from "./secret-watch.ts";

/** Each is a connection of its own, and takes 75 KiB. What is beyond is seen by the poll. */
const maximumWatches = 128;
/** What reads have told, for watches that are yet to begin. */
const maximumSeen = 4096;

/** The watches of one API server: one for each Secret and identity, whoever of its pods wants it. */
export class Watches {
	readonly #api: ApiServer;
	readonly #watches = new Map<string, SecretWatch>();
	readonly #seen = new LRUCache<string, Seen>({ max: maximumSeen });

	constructor(api: ApiServer) {
		this.#api = api;
	}

	/** Notes what a read has told, so that a watch tells only of what is newer. */
	saw(identity: Identity, ref: KubernetesRef, seen: Seen): void {
		const key = keyOf(identity, ref);
		this.#seen.set(key, seen);
		this.#watches.get(key)?.saw(seen);
	}

	/** Tells the listener of changes until the signal aborts, from now on with this token. */
	follow(as: WatchAs, listener: Listener, signal: AbortSignal): void {
		const key = keyOf(as.read.identity, as.read.ref);
		const known = this.#watches.get(key);
		if (known === undefined && this.#watches.size >= maximumWatches) {
			listener.troubled(tooMany());
			return;
		}
		const watch = known ?? this.#begin(key, as);
		watch.follow(as, listener, signal);
	}

	#begin(key: string, as: WatchAs): SecretWatch {
		const ended = () => this.#watches.delete(key);
		const watch = new SecretWatch(this.#api, as, this.#seen.get(key), ended);
		this.#watches.set(key, watch);
		return watch;
	}
}

function keyOf(identity: Identity, ref: KubernetesRef): string {
	return JSON.stringify([identity.key, ref.key]);
}

function tooMany(): ProviderError {
	return new ProviderError(
		"unreachable",
		`${maximumWatches} Secrets are watched already, so changes of further ones are seen at the poll interval only.`,
		{
			remedy: "Put keys that belong together into one Secret, or let pods of one workload share a service account.",
		},
	);
}
