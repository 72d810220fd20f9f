import type { Admission } from "../plan/admission.ts";
import type { MountPlan } from "../plan/mount-plan.ts";
import type { MountRequest, Pod } from "../plan/mount-request.ts";
import type { Secret } from "../shared/secret.ts";
import { type DeliveriesSnapshot, parseDeliveries } from "./deliveries-snapshot.ts";

/** What stands for the version of an object that the store has taken away. */
export const revokedVersion = "revoked";

/** What a volume holds: enough to judge what the store withdraws. */
export interface Held {
	/** The version of each object that the volume holds, by name; {@link revokedVersion} for one that was taken out. */
	readonly delivered: ReadonlyMap<string, string>;
	/** When each object was first found to be withdrawn, in milliseconds; for periods of grace. */
	readonly withdrawnSince: Map<string, number>;
}

/** One volume of one pod, as it was last asked for. */
export interface Holding extends Held {
	readonly pod: Pod;
	readonly plan: MountPlan;
	/** With the newest tokens that the pod brought. */
	readonly admissions: readonly Admission[];
	readonly credentials: ReadonlyMap<string, Secret>;
	/** The same versions may come in another map. */
	delivered: ReadonlyMap<string, string>;
	/** For which state of an object the pod was told to come, so that it is told once. */
	readonly nudgedFor: Map<string, string>;
	/** When the volume was last asked for, in milliseconds. */
	askedAt: number;
}

/** What becomes known of a Mount when its answer leaves. */
export interface Delivery {
	readonly plan: MountPlan;
	readonly admissions: readonly Admission[];
	readonly versions: ReadonlyMap<string, string>;
	/** The objects that the store has withdrawn, whatever became of their files. */
	readonly withdrawn: ReadonlySet<string>;
}

/** A volume of which only this is known yet: an earlier process delivered it. */
interface Restored extends Held {
	readonly podUid: string;
	askedAt: number;
}

/**
 * Which pod holds what, learned from Mounts. A driver with rotation on asks for every volume each 60 to 90 s,
 * so a volume that nobody has asked for much longer is gone, or will never be asked for again.
 */
export class Holdings {
	readonly #forgetMilliseconds: number;
	readonly #now: () => number;
	readonly #changed: () => void;
	readonly #holdings = new Map<string, Holding>();
	readonly #restored = new Map<string, Restored>();

	/** @param changed hears that a snapshot would be another one */
	constructor(forgetMilliseconds: number, now: () => number = () => performance.now(), changed: () => void = () => undefined) {
		this.#forgetMilliseconds = forgetMilliseconds;
		this.#now = now;
		this.#changed = changed;
	}

	/** The volume that a request asks for, if it was delivered before, be it by an earlier process. */
	of(request: MountRequest): Held | undefined {
		const key = keyOf(request);
		return this.#holdings.get(key) ?? this.#restored.get(key);
	}

	/** A volume that is asked for is not gone, whatever becomes of the Mount: what is known of it from an earlier process stays. */
	asked(request: MountRequest): void {
		const restored = this.#restored.get(keyOf(request));
		if (restored !== undefined) restored.askedAt = this.#now();
	}

	/** Notes that the store has withdrawn an object, though the Mount that found it may fail: a period of grace has begun. */
	noteWithdrawn({ withdrawnSince }: Held, object: string): void {
		if (withdrawnSince.has(object)) return;
		withdrawnSince.set(object, this.#now());
		this.#changed();
	}

	note(request: MountRequest, { plan, admissions, versions, withdrawn }: Delivery): void {
		const { pod, credentials } = request;
		const key = keyOf(request);
		const before = this.#holdings.get(key);
		const since = (before ?? this.#restored.get(key))?.withdrawnSince;
		const now = this.#now();
		if (before !== undefined && before.plan === plan && isUnchanged(before, { admissions, versions, withdrawn })) {
			// The usual remount. What lives long is not replaced by its like, which would only make work for the collector.
			before.askedAt = now;
			before.delivered = versions;
			return;
		}
		const withdrawnSince = new Map([...withdrawn].map((name) => [name, since?.get(name) ?? now]));
		const nudgedFor = before?.nudgedFor ?? new Map<string, string>();
		this.#restored.delete(key);
		this.#holdings.set(key, {
			pod,
			plan,
			admissions,
			credentials,
			delivered: versions,
			withdrawnSince,
			nudgedFor,
			askedAt: now,
		});
		this.#changed();
	}

	/** Every volume; those that nobody asks for any more are forgotten first. */
	all(): readonly Holding[] {
		const oldest = this.#now() - this.#forgetMilliseconds;
		this.#forgetWhere(({ askedAt }) => askedAt < oldest);
		return [...this.#holdings.values()];
	}

	/** The volumes of one pod. */
	ofPod(podUid: string): readonly Holding[] {
		return this.all().filter(({ pod }) => pod.uid === podUid);
	}

	/** Forgets the pods that are not among these, except volumes asked for after `askedAt`, when these were listed. */
	forgetOthers(podUids: ReadonlySet<string>, askedAt: number): void {
		this.#forgetWhere((volume) => volume.askedAt < askedAt && !podUids.has(volume.podUid));
	}

	/** Forgets all volumes of a pod that is gone. */
	forget(podUid: string): void {
		this.#forgetWhere((volume) => volume.podUid === podUid);
	}

	/** What volumes hold, by versions, without a value. */
	snapshot(): DeliveriesSnapshot {
		const epoch = Date.now() - this.#now();
		const known = [...this.#holdings].map(([key, holding]) => ({ key, podUid: holding.pod.uid, held: holding }));
		const restored = [...this.#restored].map(([key, held]) => ({ key, podUid: held.podUid, held }));
		const volumes = [...known, ...restored].map(({ key, podUid, held }) => ({
			key,
			podUid,
			delivered: [...held.delivered],
			withdrawnSince: [...held.withdrawnSince].map(([name, since]) => [name, epoch + since] as const),
		}));
		return { version: 1, volumes };
	}

	/**
	 * Takes in what an earlier process delivered. It is forgotten as if asked for now: while no process ran, none could be asked.
	 *
	 * @returns false when this is no snapshot of deliveries
	 */
	restore(kept: unknown): boolean {
		const snapshot = parseDeliveries(kept);
		if (snapshot === undefined) return false;
		const now = this.#now();
		const epoch = Date.now() - now;
		for (const { key, podUid, delivered, withdrawnSince } of snapshot.volumes) {
			const since = withdrawnSince.map(([name, time]) => [name, Math.min(now, time - epoch)] as const);
			this.#restored.set(key, { podUid, delivered: new Map(delivered), withdrawnSince: new Map(since), askedAt: now });
		}
		return true;
	}

	#forgetWhere(isGone: (volume: { readonly podUid: string; readonly askedAt: number }) => boolean): void {
		const gone = [
			...[...this.#holdings].filter(([, { pod, askedAt }]) => isGone({ podUid: pod.uid, askedAt })),
			...[...this.#restored].filter(([, volume]) => isGone(volume)),
		];
		for (const [key] of gone) {
			this.#holdings.delete(key);
			this.#restored.delete(key);
		}
		if (gone.length > 0) this.#changed();
	}
}

/** The same versions by the same proofs: kubelet sends one token for the most of an hour, and other credentials are another identity. */
function isUnchanged(before: Holding, { admissions, versions, withdrawn }: Omit<Delivery, "plan">): boolean {
	if (withdrawn.size > 0 || before.withdrawnSince.size > 0) return false;
	const isSameProof = ({ tokenExpiresAt, identity }: Admission, index: number) =>
		tokenExpiresAt === before.admissions[index]?.tokenExpiresAt && identity.key === before.admissions[index].identity.key;
	if (!admissions.every(isSameProof)) return false;
	if (before.delivered === versions) return true;
	return before.delivered.size === versions.size && [...versions].every(([name, version]) => before.delivered.get(name) === version);
}

/** The key that was last made for a pod as a request describes it: most pods have one volume. */
const lastKeys = new WeakMap<Pod, { readonly provider: string; readonly targetPath: string; readonly key: string }>();

/** The account is part of the key: what another account may not have is no revocation of what this one holds. */
function keyOf({ provider, pod, targetPath }: MountRequest): string {
	const last = lastKeys.get(pod);
	if (last?.provider === provider && last.targetPath === targetPath) return last.key;
	const key = JSON.stringify([provider, pod.uid, pod.namespace, pod.serviceAccount, targetPath]);
	lastKeys.set(pod, { provider, targetPath, key });
	return key;
}
