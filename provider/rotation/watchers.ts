import type { Ref, Session } from "../stores/store.ts";
import type { Wanted } from "./wanted.ts";

export interface WatchersOptions {
	/** The login that stands for an identity now, if there is one. */
	session(identityKey: string): Session | undefined;
	/** Hears that a ref may have changed. */
	changed(key: string): void;
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

	stop(): void {
		for (const [identityKey, watch] of this.#watches) this.#end(identityKey, watch);
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
		if (session?.watch === undefined) return;
		const controller = new AbortController();
		this.#watches.set(identityKey, { session, refs, controller });
		const keys = new Map(wanted.map(({ ref, key }) => [ref, key] as const));
		const onChange = (ref: Ref) => {
			const key = keys.get(ref);
			if (key !== undefined && !controller.signal.aborted) this.#options.changed(key);
		};
		session.watch([...keys.keys()], onChange, controller.signal);
	}

	#end(identityKey: string, watch: Watch): void {
		this.#watches.delete(identityKey);
		watch.controller.abort();
	}
}
