import { ProviderError } from "../errors.ts";
import type { Admission } from "../plan/admission.ts";
import type { PlannedStore } from "../plan/mount-plan.ts";
import { Flights } from "../shared/flights.ts";
import type { Secret } from "../shared/secret.ts";
import type { Identity, Outcome, Ref, Session, Store, StoreContext, StoreInstance } from "../stores/store.ts";
import { withinLimit } from "./attempt-limit.ts";
import { Batches } from "./batches.ts";
import { Instances } from "./instances.ts";
import { hasLease } from "./leases/leased-refs.ts";
import type { LeaseSource } from "./leases/snapshot.ts";
import { Sessions } from "./sessions.ts";
import { isLocal, type Values } from "./values.ts";

/** One store of a plan with all that asking it takes. */
export interface Asked {
	readonly store: PlannedStore;
	readonly admission: Admission;
	readonly credentials: ReadonlyMap<string, Secret>;
	/** The pod that asks. Values and logins are shared by identity, except what has a lease. */
	readonly podUid: string;
}

export interface ReaderOptions {
	/** Calls under way at once to one store instance. */
	readonly concurrency: number;
	/** A clock in milliseconds, for ages; the process's own unless given. */
	readonly now?: () => number;
	/** The store of a registered type. */
	store(type: string): Promise<Pick<Store, "connect" | "resume">>;
	/**
	 * Which addresses may be connected to at a store, judged anew for a login of an earlier process.
	 * @throws ProviderError `refused`
	 */
	addressGuard(store: PlannedStore): (address: string) => boolean;
	/** See {@link StoreContext.nodeRegion}. */
	readonly nodeRegion?: NonNullable<StoreContext["nodeRegion"]> | undefined;
	/** See {@link StoreContext.cluster}. */
	readonly cluster?: StoreContext["cluster"] | undefined;
	/** Hears what a store advises, met by whose login. See {@link StoreContext.advise}. */
	advised?(advice: string, instance: StoreInstance, identity: Identity): void;
}

/**
 * Asks stores: one login per identity, refs read side by side under a limit per store instance, and
 * callers that want the same thing at the same moment share one read. What stores say is kept in the values.
 */
export class Reader {
	readonly #options: ReaderOptions;
	readonly #values: Values;
	readonly #now: () => number;
	readonly #instances: Instances;
	readonly #sessions = new Sessions();
	readonly #logins = new Flights<Session>();
	readonly #reads = new Flights<Outcome>();
	readonly #batches = new Batches();

	constructor(options: ReaderOptions, values: Values) {
		this.#options = options;
		this.#now = options.now ?? (() => performance.now());
		this.#values = values;
		this.#instances = new Instances(options.concurrency);
	}

	/** How many logins are kept. */
	get sessions(): number {
		return this.#sessions.count;
	}

	session(identityKey: string): Session | undefined {
		return this.#sessions.get(identityKey);
	}

	/**
	 * Reads one ref. A denial met with a login of earlier times may only mean that the store has
	 * ended that login, so it is believed after a fresh login meets it too.
	 *
	 * @throws ProviderError `unreachable` on an outage, `denied` when the login is refused, the signal's reason
	 */
	async read(asked: Asked, ref: Ref, signal: AbortSignal): Promise<Outcome> {
		const key = asked.admission.identity.key;
		const known = this.#sessions.get(key);
		const session = known ?? (await this.#login(asked, signal));
		const outcome = await this.#readWith(session, asked, ref, signal).catch((reason: unknown) => {
			// The login has ended before its time, as when the pod is gone with whose token it was made.
			if (known !== undefined && this.#sessions.get(key) !== known && ProviderError.from(reason).code === "unidentified") return undefined;
			throw reason;
		});
		const isDoubtful = outcome === undefined || (outcome.kind === "denied" && known !== undefined && this.#sessions.doubt(key, known));
		if (!isDoubtful) return outcome;
		const fresh = this.#sessions.get(key) ?? (await this.#login(asked, signal));
		const second = await this.#readWith(fresh, asked, ref, signal);
		if (second.kind === "denied") this.#sessions.believeDenials(key);
		return second;
	}

	#readWith(session: Session, { admission, store }: Asked, ref: Ref, signal: AbortSignal): Promise<Outcome> {
		const key = valueKey(admission.identity.key, ref);
		return this.#reads.join(key, signal, async (attempt) => {
			const askedAt = this.#now();
			const outcome = await withinLimit(attempt, (limited) => this.#batches.read(session, ref, limited));
			// What has a lease is nobody's yet: who asked will ask for themselves.
			return hasLease(outcome) ? outcome : this.#values.keep(key, { outcome, askedAt, isLocal: isLocal(store.instance) });
		});
	}

	/** Logs in anew, for one pod alone. @throws ProviderError as Store.connect */
	async connect(asked: Asked, signal: AbortSignal): Promise<Session> {
		const { instance } = asked.store;
		const store = await this.#options.store(instance.type);
		return withinLimit(signal, (limited) => store.connect(instance, asked.admission.identity, this.#context(asked, limited)));
	}

	/** Goes on with a pod's login of an earlier process. @throws ProviderError `refused` when policy no longer lets the store be asked */
	async resume({ store: planned }: LeaseSource, state: Secret): Promise<Session> {
		const allowsAddress = this.#options.addressGuard(planned);
		const store = await this.#options.store(planned.instance.type);
		const { schedule, once } = this.#sharedContext(planned.instance);
		const session = await store.resume?.(planned.instance, state, { schedule, once, allowsAddress });
		if (session === undefined) throw new ProviderError("invalid", `A ${planned.instance.type} store does not go on with logins.`);
		return session;
	}

	#login(asked: Asked, signal: AbortSignal): Promise<Session> {
		const { identity } = asked.admission;
		return this.#logins.join(identity.key, signal, async (attempt) => {
			const session = await this.connect(asked, attempt);
			this.#sessions.keep(identity.key, session);
			return session;
		});
	}

	#context(asked: Asked, signal: AbortSignal): StoreContext {
		const { instance } = asked.store;
		const { identity } = asked.admission;
		return {
			...this.#sharedContext(instance),
			token: asked.admission.token,
			credentials: asked.credentials,
			signal,
			allowsAddress: (address) => asked.admission.allowsAddress(address),
			...(this.#options.nodeRegion === undefined ? {} : { nodeRegion: this.#options.nodeRegion }),
			...(this.#options.cluster === undefined ? {} : { cluster: this.#options.cluster }),
			advise: (advice) => this.#options.advised?.(advice, instance, identity),
		};
	}

	/** What all logins at one store instance have in common. */
	#sharedContext(instance: StoreInstance): Pick<StoreContext, "schedule" | "once"> {
		const state = this.#instances.of(instance);
		return { schedule: (task, waiting) => state.schedule(task, waiting), once: (make) => state.once(make) };
	}
}

/** The key that was last made for a ref: one plan's refs are mostly read as one identity. */
const lastKeys = new WeakMap<Ref, { readonly identityKey: string; readonly key: string }>();

/** The key of a value: JSON keeps the two apart, whatever they hold. */
export function valueKey(identityKey: string, ref: Ref): string {
	const last = lastKeys.get(ref);
	if (last?.identityKey === identityKey) return last.key;
	const key = JSON.stringify([identityKey, ref.key]);
	lastKeys.set(ref, { identityKey, key });
	return key;
}
