import type { Secret } from "../../shared/secret.ts";
import type { Found, Outcome, Ref, Session, StoreInstance } from "../../stores/store.ts";
import { type Asked, valueKey } from "../reader.ts";
import { isLocal, type Values } from "../values.ts";
import type { LeaseLog, LeaseNews, Replacement } from "./keeper-context.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { hasLease, LeasedRefs } from "./leased-refs.ts";
import type { Connect } from "./pod-login.ts";
import type { LeaseSource } from "./snapshot.ts";

export interface LeasedReadsOptions {
	readonly values: Values;
	/** The clock by which values age. */
	now(): number;
	readonly log: LeaseLog;
	/** Logs in for one pod alone. */
	connect(asked: Asked, signal: AbortSignal): Promise<Session>;
	resume(source: LeaseSource, state: Secret): Promise<Session>;
	/** The next Mount of a pod answers with something else. */
	onReplaced(podUid: string): void;
	/** There is something new to save. */
	onChanged(): void;
	/** Hears what becomes of leases. */
	onNews?(news: LeaseNews): void;
}

/** Reads what each pod must read for itself: the login and the value of one pod are never another's. */
export class LeasedReads {
	readonly keeper: LeaseKeeper;
	readonly #options: LeasedReadsOptions;
	readonly #refs = new LeasedRefs();

	constructor(options: LeasedReadsOptions) {
		const { log, onChanged, resume } = options;
		const onNews = (news: LeaseNews) => options.onNews?.(news);
		this.#options = options;
		this.keeper = new LeaseKeeper({ log, onChanged, onNews, resume, onReplaced: (replacement) => this.#replaced(replacement) });
	}

	/** Whether each pod must read the ref for itself. */
	concerns(instance: StoreInstance, ref: Ref): boolean {
		return this.#refs.has(instance, ref);
	}

	/** An answer that was read in common has shown that the ref is one of these. */
	learn(instance: StoreInstance, ref: Ref): void {
		this.#refs.learn(instance, ref);
	}

	/** The key of what is known of the ref for this pod. */
	keyOf({ podUid, admission }: Asked, ref: Ref): string {
		return podKey(podUid, admission.identity.key, ref);
	}

	/** The living value that the pod has. */
	held({ podUid, admission }: Asked, ref: Ref): Found | undefined {
		return this.keeper.get(podUid, admission.identity.key, ref);
	}

	/** The same for a Mount, which brings a fresh token to log in with. */
	heldForMount(asked: Asked, ref: Ref): Found | undefined {
		const found = this.held(asked, ref);
		if (found !== undefined) this.keeper.connectWith(asked.podUid, asked.admission.identity.key, this.#connect(asked));
		return found;
	}

	/**
	 * The value that the pod has, or a new one. What turns out to have no lease is known like any other value.
	 *
	 * @throws ProviderError as {@link LeaseKeeper.read}
	 */
	async read(asked: Asked, ref: Ref, signal: AbortSignal): Promise<Outcome> {
		const { podUid, store, admission } = asked;
		const askedAt = this.#options.now();
		const outcome = await this.keeper.read({
			podUid,
			source: { store, identity: admission.identity },
			ref,
			connect: this.#connect(asked),
			signal,
		});
		if (hasLease(outcome)) return outcome;
		return this.#options.values.keep(this.keyOf(asked, ref), { outcome, askedAt, isLocal: isLocal(store.instance) });
	}

	#connect(asked: Asked): Connect {
		return (signal) => this.#options.connect(asked, signal);
	}

	#replaced({ podUid, source, ref, outcome }: Replacement): void {
		if (outcome !== undefined && !hasLease(outcome))
			this.#options.values.keep(podKey(podUid, source.identity.key, ref), {
				outcome,
				askedAt: this.#options.now(),
				isLocal: isLocal(source.store.instance),
			});
		this.#options.onReplaced(podUid);
	}
}

function podKey(podUid: string, identityKey: string, ref: Ref): string {
	return valueKey(JSON.stringify([identityKey, podUid]), ref);
}
