import type { Broker } from "../broker/broker.ts";
import type { ProviderError } from "../errors.ts";
import type { PlannedObject } from "../plan/mount-plan.ts";
import type { MountRequest, Pod } from "../plan/mount-request.ts";
import type { Found } from "../stores/store.ts";
import { Breaker, type Census } from "./breaker.ts";
import { takeCensus } from "./census.ts";
import type { DeliveriesSnapshot } from "./deliveries-snapshot.ts";
import { type Delivery, type Held, Holdings, revokedVersion } from "./holdings.ts";
import { Poller } from "./poller.ts";
import { Revocation, type Verdict } from "./revocation.ts";
import { type RotationSurvey, surveyVolumes } from "./survey.ts";
import { type HeldObject, heldObjects, type Wanted, wantedRefs } from "./wanted.ts";
import { Watchers } from "./watchers.ts";

export interface RotationOptions {
	readonly broker: Broker;
	/** The version that the driver records for an object. */
	versionOf(object: PlannedObject, found: Found | undefined): string;
	/** Asks kubelet to republish a pod's volumes, where that is switched on. */
	nudge?(pod: Pod): void;
	readonly pollMilliseconds: number;
	/** How long the breaker holds removals back. */
	readonly breakerMilliseconds: number;
	readonly events: RotationEvents;
	/** Hears that there are other deliveries to save. */
	onDeliveriesChanged?(): void;
	readonly now?: () => number;
}

/** Hears what happens; for log and metrics. */
export interface RotationEvents {
	changed(pod: Pod, object: string): void;
	polled?(wanted: Wanted): void;
	pollFailed(wanted: Wanted, error: ProviderError): void;
	/** A store that can tell of changes does not tell of this one for the time being. */
	watchFailed?(wanted: Wanted, error: ProviderError): void;
	breakerOpened(census: Census): void;
}

/** Three syncs of kubelet (90 s each at most) without a question, and the volume is taken for gone. */
const forgetMilliseconds = 300_000;

/**
 * Knows which pod holds what, keeps it fresh, and tells pods when what they hold is no longer
 * what they would get.
 */
export class Rotation {
	readonly #options: RotationOptions;
	readonly #holdings: Holdings;
	readonly #breaker: Breaker;
	readonly #revocation: Revocation;
	readonly #poller: Poller;
	readonly #watchers: Watchers;

	constructor(options: RotationOptions) {
		const { broker, events, now, pollMilliseconds } = options;
		const clock = now === undefined ? {} : { now };
		this.#options = options;
		this.#holdings = new Holdings(forgetMilliseconds + pollMilliseconds, now, () => options.onDeliveriesChanged?.());
		this.#breaker = new Breaker({
			census: () => this.#census(),
			alarm: (census) => events.breakerOpened(census),
			holdMilliseconds: options.breakerMilliseconds,
			...clock,
		});
		this.#revocation = new Revocation(this.#breaker, now);
		this.#watchers = new Watchers({
			session: (identityKey) => broker.session(identityKey),
			changed: (key) => this.#poller.hurry(key),
			troubled: (wanted, error) => events.watchFailed?.(wanted, error),
		});
		this.#poller = new Poller({
			broker,
			wanted: () => wantedRefs(heldObjects(this.#options.broker, this.#holdings.all()), pollMilliseconds),
			looked: (wanted) => this.#watchers.update(wanted),
			refreshed: () => this.nudgeChanged(),
			polled: (wanted) => events.polled?.(wanted),
			failed: (wanted, error) => events.pollFailed(wanted, error),
			...clock,
		});
	}

	start(): void {
		this.#poller.start(Math.min(1000, Math.max(100, this.#options.pollMilliseconds / 10)));
	}

	stop(): void {
		this.#poller.stop();
		this.#watchers.stop();
	}

	/** Notes that a volume is asked for, before anything is known of what becomes of it. */
	asked(request: MountRequest): void {
		this.#holdings.asked(request);
	}

	/** The volume that a request asks for, if it was delivered before. */
	held(request: MountRequest): Held | undefined {
		return this.#holdings.of(request);
	}

	/** What becomes of an object that a Mount finds withdrawn; undefined where the volume never held it. */
	judge(object: PlannedObject, held: Held | undefined): Verdict | undefined {
		const verdict = this.#revocation.judge(object, held);
		if (verdict !== undefined && held !== undefined) this.#holdings.noteWithdrawn(held, object.name);
		return verdict;
	}

	/** What volumes hold, by versions: to be kept over a restart. */
	snapshot(): DeliveriesSnapshot {
		return this.#holdings.snapshot();
	}

	/**
	 * Takes in what an earlier process delivered, so that what is withdrawn meanwhile leaves those volumes too.
	 *
	 * @returns false when this is no snapshot of deliveries
	 */
	restore(kept: unknown): boolean {
		return this.#holdings.restore(kept);
	}

	/** Notes what a volume holds from now on. */
	delivered(request: MountRequest, delivery: Delivery): void {
		const before = this.#holdings.of(request)?.delivered;
		this.#holdings.note(request, delivery);
		const isNews =
			before !== undefined &&
			before !== delivery.versions &&
			[...delivery.versions].some(([name, version]) => before.get(name) !== version);
		// What this volume has just learned, others may hold as it was.
		if (isNews) setImmediate(() => this.nudgeChanged());
	}

	/** Forgets a pod that is gone. */
	forget(podUid: string): void {
		this.#holdings.forget(podUid);
	}

	/** Forgets the pods that a list asked for at `askedAt` does not hold, but those asked for later than that. */
	forgetOthers(podUids: ReadonlySet<string>, askedAt: number): void {
		this.#holdings.forgetOthers(podUids, askedAt);
	}

	/** How the volumes stand now. */
	survey(): RotationSurvey {
		return surveyVolumes({
			broker: this.#options.broker,
			holdings: this.#holdings.all(),
			removalsHeldBack: this.#breaker.isOpen(),
			now: (this.#options.now ?? (() => performance.now()))(),
			isBehind: (held) => this.#isBehind(held),
		});
	}

	/** The pods that hold a ref, by the key of what is known of it. */
	holders(key: string): readonly Pod[] {
		return podsOf(heldObjects(this.#options.broker, this.#holdings.all()).filter((held) => held.key === key));
	}

	/** The pods that hold something that its store has withdrawn. */
	withdrawnHolders(): readonly Pod[] {
		const { broker } = this.#options;
		const withdrawn = heldObjects(broker, this.#holdings.all()).filter(({ asked, object }) => {
			const outcome = broker.known(asked, object.ref)?.outcome;
			return outcome !== undefined && outcome.kind !== "found";
		});
		return podsOf(withdrawn);
	}

	/** A pod that holds something, by its uid. */
	pod(uid: string): Pod | undefined {
		return this.#holdings.ofPod(uid)[0]?.pod;
	}

	/** Whether a pod holds something else than it would get now. */
	isBehind(podUid: string): boolean {
		return heldObjects(this.#options.broker, this.#holdings.ofPod(podUid)).some((held) => this.#isBehind(held));
	}

	/** Tells every pod, once for each change, that holds something else than it would get now. */
	nudgeChanged(): void {
		for (const held of heldObjects(this.#options.broker, this.#holdings.all())) {
			const { holding, object } = held;
			const state = this.#stateOf(held);
			if (state === undefined || state === holding.delivered.get(object.name) || holding.nudgedFor.get(object.name) === state) continue;
			holding.nudgedFor.set(object.name, state);
			this.#options.events.changed(holding.pod, object.name);
			this.#options.nudge?.(holding.pod);
		}
	}

	#isBehind(held: HeldObject): boolean {
		const state = this.#stateOf(held);
		return state !== undefined && state !== held.holding.delivered.get(held.object.name);
	}

	/** The version that a volume would get of an object now; undefined when nothing is known, or nothing would change. */
	#stateOf({ holding, object, asked }: HeldObject): string | undefined {
		const known = this.#options.broker.known(asked, object.ref);
		if (known === undefined) return undefined;
		if (known.outcome.kind === "found") return this.#options.versionOf(object, known.outcome);
		if (object.optional && object.onRevoked === undefined) return this.#options.versionOf(object, undefined);
		return this.#revocation.judge(object, holding) === "remove" ? revokedVersion : undefined;
	}

	#census(): Census {
		const { broker, breakerMilliseconds, now = () => performance.now() } = this.#options;
		const objects = heldObjects(broker, this.#holdings.all());
		return takeCensus({ broker, objects, now: now(), windowMilliseconds: breakerMilliseconds });
	}
}

/** Each pod once. */
function podsOf(objects: readonly HeldObject[]): readonly Pod[] {
	return [...new Map(objects.map(({ holding }) => [holding.pod.uid, holding.pod])).values()];
}
