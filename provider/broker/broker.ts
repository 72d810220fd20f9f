import { ProviderError } from "../errors.ts";
import type { Admission } from "../plan/admission.ts";
import type { MountPlan, PlannedObject, PlannedStore } from "../plan/mount-plan.ts";
import { Flights } from "../shared/flights.ts";
import type { Secret } from "../shared/secret.ts";
import type { Outcome, Ref, Session, Store, StoreContext } from "../stores/store.ts";
import { Instances } from "./instances.ts";
import { Sessions } from "./sessions.ts";
import { Values } from "./values.ts";

/** An attempt that others may join ends by itself after this, so that no hanging call is joined for ever. */
const attemptMilliseconds = 60_000;

/** The store gave no outcome: an outage, or a ref it cannot make sense of. */
export interface Failure {
	readonly kind: "failed";
	readonly error: ProviderError;
}

/** What to fetch, as whom. */
export interface FetchRequest {
	readonly plan: MountPlan;
	/** One per store of the plan, in its order. */
	readonly admissions: readonly Admission[];
	readonly credentials: ReadonlyMap<string, Secret>;
	readonly signal: AbortSignal;
}

export interface BrokerOptions {
	/** Calls under way at once to one store instance. */
	readonly concurrency: number;
	/** How old a known value may be when a Mount is answered with it; 0 asks the store each time. */
	readonly maximumAgeMilliseconds: number;
	/** How many bytes of values are kept. */
	readonly maximumBytes: number;
	/** The store of a registered type. */
	store(type: string): Promise<Store>;
}

const neverAsked: Failure = { kind: "failed", error: new ProviderError("internal", "The object was never asked for.") };

/** One store of a plan with all that asking it takes. */
interface Asked {
	readonly store: PlannedStore;
	readonly admission: Admission;
	readonly credentials: ReadonlyMap<string, Secret>;
}

/**
 * Stands between Mounts and stores: one login per identity, refs read side by side under a limit
 * per store instance, and callers that want the same thing at the same moment share one read.
 */
export class Broker {
	readonly #options: BrokerOptions;
	readonly #instances: Instances;
	readonly #sessions = new Sessions();
	readonly #logins = new Flights<Session>();
	readonly #reads = new Flights<Outcome>();
	readonly #values: Values;

	constructor(options: BrokerOptions) {
		this.#options = options;
		this.#instances = new Instances(options.concurrency);
		this.#values = new Values(options.maximumBytes);
	}

	/** What the stores say about every object of the plan, by object name. Never throws for a single object. */
	async fetch(request: FetchRequest): Promise<ReadonlyMap<string, Outcome | Failure>> {
		const { objects } = request.plan;
		const outcomes = await Promise.all(objects.map((object) => this.#outcome(request, object)));
		for (const [index, object] of objects.entries()) {
			// While a slow object was waited for, the value of a quick one may have been evicted.
			while (this.#values.isWiped(outcomes[index])) outcomes[index] = await this.#outcome(request, object);
		}
		return new Map(objects.map((object, index) => [object.name, outcomes[index] ?? neverAsked]));
	}

	async #outcome(request: FetchRequest, object: PlannedObject): Promise<Outcome | Failure> {
		const store = request.plan.stores[object.store];
		const admission = request.admissions[object.store];
		try {
			if (store === undefined || admission === undefined) throw new Error(`the plan has no store ${object.store}`);
			return await this.#answer({ store, admission, credentials: request.credentials }, object.ref, request.signal);
		} catch (reason) {
			return { kind: "failed", error: ProviderError.from(reason) };
		}
	}

	/** From what is known, if that is young enough; else from the store. */
	async #answer(asked: Asked, ref: Ref, signal: AbortSignal): Promise<Outcome> {
		const key = valueKey(asked.admission.identity.key, ref);
		// A store inside this process answers as fast as memory does, and always with what is true now.
		const maximumAge = asked.store.instance.endpoints.length === 0 ? 0 : this.#options.maximumAgeMilliseconds;
		return this.#values.fresh(key, maximumAge) ?? this.#read(asked, ref, signal);
	}

	/**
	 * Reads one ref. A denial met with a login of earlier times may only mean that the store has
	 * ended that login, so it is believed after a fresh login meets it too.
	 */
	async #read(asked: Asked, ref: Ref, signal: AbortSignal): Promise<Outcome> {
		const key = asked.admission.identity.key;
		const known = this.#sessions.get(key);
		const session = known ?? (await this.#login(asked, signal));
		const outcome = await this.#readWith(session, key, ref, signal);
		if (outcome.kind !== "denied" || known === undefined || !this.#sessions.doubt(key, known)) return outcome;
		const fresh = this.#sessions.get(key) ?? (await this.#login(asked, signal));
		const second = await this.#readWith(fresh, key, ref, signal);
		if (second.kind === "denied") this.#sessions.believeDenials(key);
		return second;
	}

	#readWith(session: Session, identityKey: string, ref: Ref, signal: AbortSignal): Promise<Outcome> {
		const key = valueKey(identityKey, ref);
		return this.#reads.join(key, signal, async (attempt) => {
			const askedAt = performance.now();
			const [outcome] = await withinLimit(attempt, (limited) => session.read([ref], limited));
			if (outcome === undefined) throw new Error("a session answered a read with no outcome");
			return this.#values.keep(key, { outcome, askedAt });
		});
	}

	#login(asked: Asked, signal: AbortSignal): Promise<Session> {
		const { identity } = asked.admission;
		return this.#logins.join(identity.key, signal, async (attempt) => {
			const store = await this.#options.store(asked.store.instance.type);
			const session = await withinLimit(attempt, (limited) => store.connect(asked.store.instance, identity, this.#context(asked, limited)));
			this.#sessions.keep(identity.key, session);
			return session;
		});
	}

	#context(asked: Asked, signal: AbortSignal): StoreContext {
		const state = this.#instances.of(asked.store.instance);
		return {
			token: asked.admission.token,
			credentials: asked.credentials,
			signal,
			schedule: (task) => state.schedule(task),
			once: (make) => state.once(make),
			allowsAddress: (address) => asked.admission.allowsAddress(address),
		};
	}
}

/** JSON keeps the two apart, whatever they hold. */
function valueKey(identityKey: string, ref: Ref): string {
	return JSON.stringify([identityKey, ref.key]);
}

/** Runs one attempt with a signal that also ends it after {@link attemptMilliseconds}. */
async function withinLimit<Result>(attempt: AbortSignal, run: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
	const limit = new AbortController();
	const timer = setTimeout(() => limit.abort(outOfTime()), attemptMilliseconds);
	try {
		return await run(AbortSignal.any([attempt, limit.signal]));
	} finally {
		clearTimeout(timer);
	}
}

function outOfTime(): ProviderError {
	return new ProviderError("unreachable", `The store did not answer within ${attemptMilliseconds / 1000} s.`, {
		remedy: "Check the store and the network between it and this node.",
	});
}
