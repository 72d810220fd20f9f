import { ProviderError } from "../errors.ts";
import type { Ref, Session } from "../stores/store.ts";
import type { Wanted } from "./wanted.ts";

export interface WatchersOptions {
	/** The login that stands for an identity now, if there is one. */
	session(identityKey: string): Session | undefined;
	/** Hears that a ref may have changed. */
	changed(key: string): void;
	/** Hears why a ref cannot be watched for the time being. */
	troubled?(wanted: Wanted, error: ProviderError): void;
}

interface Watch {
	readonly session: Session;
	/** The keys of the refs watched, for comparison. */
	readonly refs: string;
	readonly controller: AbortController;
}

/**
 * Watches what volumes hold where a store can say that something changed, so that nobody has to wait for
 * the next poll. A watch is a hint: what it misses, the poller finds.
 */
export class Watchers {
	readonly #options: WatchersOptions;
	readonly #watches = new Map<string, Watch>();

	constructor(options: WatchersOptions) {
		this.#options = options;
	}

	/** Watches these refs and no others from now on. */
	update(wanted: readonly Wanted[]): void {
		const byIdentity = Map.groupBy(wanted, ({ asked }) => asked.admission.identity.key);
		for (const [identityKey, watch] of this.#watches) if (!byIdentity.has(identityKey)) this.#end(identityKey, watch);
		for (const [identityKey, refs] of byIdentity) this.#watch(identityKey, refs);
	}

	/** Ends all watches for good, which the reason tells. */
	stop(): void {
		const reason = new ProviderError("stopped", "The provider is stopping.");
		for (const [identityKey, watch] of this.#watches) this.#end(identityKey, watch, reason);
	}

	#watch(identityKey: string, wanted: readonly Wanted[]): void {
		const session = this.#options.session(identityKey);
		const current = this.#watches.get(identityKey);
		const refs = wanted
			.map(({ key }) => key)
			.sort()
			.join("\n");
		if (current?.session === session && current?.refs === refs) return;
		if (current !== undefined) this.#end(identityKey, current);
		// The watch went with its login: who asks for one of the refs logs in anew, and watching goes on.
		if (current !== undefined && session === undefined && wanted[0] !== undefined) this.#options.changed(wanted[0].key);
		if (session?.watch === undefined) return;
		const controller = new AbortController();
		this.#watches.set(identityKey, { session, refs, controller });
		const byRef = new Map(wanted.map((entry) => [entry.ref, entry] as const));
		const tell = (ref: Ref, hear: (entry: Wanted) => void) => {
			const entry = byRef.get(ref);
			if (entry !== undefined && !controller.signal.aborted) hear(entry);
		};
		const onChange = (ref: Ref) => tell(ref, ({ key }) => this.#options.changed(key));
		const onTrouble = (ref: Ref, error: ProviderError) => tell(ref, (entry) => this.#options.troubled?.(entry, error));
		session.watch([...byRef.keys()], onChange, controller.signal, onTrouble);
	}

	#end(identityKey: string, watch: Watch, reason?: ProviderError): void {
		this.#watches.delete(identityKey);
		watch.controller.abort(reason);
	}
}
