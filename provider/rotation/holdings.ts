import type { Admission } from "../plan/admission.ts";
import type { MountPlan } from "../plan/mount-plan.ts";
import type { MountRequest, Pod } from "../plan/mount-request.ts";
import type { Secret } from "../shared/secret.ts";

/** What stands for the version of an object that the store has taken away. */
export const revokedVersion = "revoked";

/** One volume of one pod, as it was last asked for. */
export interface Holding {
	readonly pod: Pod;
	readonly plan: MountPlan;
	/** With the newest tokens that the pod brought. */
	readonly admissions: readonly Admission[];
	readonly credentials: ReadonlyMap<string, Secret>;
	/** The version of each object that the volume holds, by name; {@link revokedVersion} for one that was taken out. */
	readonly delivered: ReadonlyMap<string, string>;
	/** When each object was first found to be withdrawn, in milliseconds; for periods of grace. */
	readonly withdrawnSince: ReadonlyMap<string, number>;
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

/**
 * Which pod holds what, learned from Mounts. A driver with rotation on asks for every volume each 60 to 90 s,
 * so a volume that nobody has asked for much longer is gone, or will never be asked for again.
 */
export class Holdings {
	readonly #forgetMilliseconds: number;
	readonly #now: () => number;
	readonly #holdings = new Map<string, Holding>();

	constructor(forgetMilliseconds: number, now: () => number = () => performance.now()) {
		this.#forgetMilliseconds = forgetMilliseconds;
		this.#now = now;
	}

	/** The volume that a request asks for, if it was delivered before. */
	of(request: MountRequest): Holding | undefined {
		return this.#holdings.get(keyOf(request));
	}

	note(request: MountRequest, { plan, admissions, versions, withdrawn }: Delivery): void {
		const { pod, credentials } = request;
		const before = this.of(request);
		const now = this.#now();
		if (before !== undefined && before.plan === plan && isUnchanged(before, { admissions, versions, withdrawn })) {
			// The usual remount. What lives long is not replaced by its like, which would only make work for the collector.
			before.askedAt = now;
			return;
		}
		const withdrawnSince = new Map([...withdrawn].map((name) => [name, before?.withdrawnSince.get(name) ?? now]));
		const nudgedFor = before?.nudgedFor ?? new Map<string, string>();
		this.#holdings.set(keyOf(request), {
			pod,
			plan,
			admissions,
			credentials,
			delivered: versions,
			withdrawnSince,
			nudgedFor,
			askedAt: now,
		});
	}

	/** Every volume; those that nobody asks for any more are forgotten first. */
	all(): readonly Holding[] {
		const oldest = this.#now() - this.#forgetMilliseconds;
		for (const [key, holding] of this.#holdings) if (holding.askedAt < oldest) this.#holdings.delete(key);
		return [...this.#holdings.values()];
	}

	/** The volumes of one pod. */
	ofPod(podUid: string): readonly Holding[] {
		return this.all().filter(({ pod }) => pod.uid === podUid);
	}

	/** Forgets the pods that are not among these, except volumes asked for after `askedAt`, when these were listed. */
	forgetOthers(podUids: ReadonlySet<string>, askedAt: number): void {
		for (const [key, holding] of this.#holdings) {
			if (holding.askedAt < askedAt && !podUids.has(holding.pod.uid)) this.#holdings.delete(key);
		}
	}

	/** Forgets all volumes of a pod that is gone. */
	forget(podUid: string): void {
		for (const [key, { pod }] of this.#holdings) if (pod.uid === podUid) this.#holdings.delete(key);
	}
}

/** The same versions by the same tokens: kubelet sends one token for the most of an hour. */
function isUnchanged(before: Holding, { admissions, versions, withdrawn }: Omit<Delivery, "plan">): boolean {
	if (withdrawn.size > 0 || before.withdrawnSince.size > 0) return false;
	if (!admissions.every(({ tokenExpiresAt }, index) => tokenExpiresAt === before.admissions[index]?.tokenExpiresAt)) return false;
	return before.delivered.size === versions.size && [...versions].every(([name, version]) => before.delivered.get(name) === version);
}

/** The account is part of the key: what another account may not have is no revocation of what this one holds. */
function keyOf({ provider, pod, targetPath }: MountRequest): string {
	return JSON.stringify([provider, pod.uid, pod.namespace, pod.serviceAccount, targetPath]);
}
