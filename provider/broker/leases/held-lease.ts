import { Secret } from "../../shared/secret.ts";
import type { Found, Lease, Ref, Session } from "../../stores/store.ts";
import { type Clock, isRefusal, isTruncated, renewalTime, resumedTime, retryTime } from "./schedule.ts";
import type { HeldSnapshot } from "./snapshot.ts";

interface HeldLeaseParts {
	readonly clock: Clock;
	readonly ref: Ref;
	/** Always the object that the first Mount got: equal bytes at every remount, and nothing is rendered anew. */
	readonly found: Found;
	/** As the store gave it at the read; renewals ask for as much. */
	readonly granted: Lease;
	/** The login that made it; undefined when an earlier process had replaced that already. */
	readonly session: Session | undefined;
	readonly dueAt: number;
}

/** A value that a pod has, and what keeps it alive. */
export class HeldLease {
	readonly ref: Ref;
	readonly found: Found;
	readonly #clock: Clock;
	readonly #granted: Lease;
	readonly #session: Session | undefined;
	#lease: Lease;
	#dueAt: number;
	#failures = 0;

	private constructor(parts: HeldLeaseParts) {
		this.ref = parts.ref;
		this.found = parts.found;
		this.#clock = parts.clock;
		this.#granted = parts.granted;
		this.#lease = parts.granted;
		this.#session = parts.session;
		this.#dueAt = parts.dueAt;
	}

	static read(clock: Clock, ref: Ref, found: Found, lease: Lease, session: Session): HeldLease {
		return new HeldLease({ clock, ref, found, granted: lease, session, dueAt: renewalTime(clock, lease.expiresAt.getTime()) });
	}

	/** @param session the login of the same pod, as it is resumed */
	static restore(clock: Clock, kept: HeldSnapshot, session: Session): HeldLease {
		const { ref, structure, id, durationSeconds, renewable, expiresAt, dueAt } = kept;
		const lease: Lease = { id, durationSeconds, renewable, expiresAt: new Date(expiresAt) };
		const found: Found = { kind: "found", value: new Secret(Buffer.from(kept.value, "base64")), structure, lease };
		const maker = kept.current ? session : undefined;
		return new HeldLease({ clock, ref, found, granted: lease, session: maker, dueAt: resumedTime(clock, dueAt, expiresAt) });
	}

	/** As it is since the last renewal. */
	get lease(): Lease {
		return this.#lease;
	}

	/** When something is to be done, in milliseconds of the epoch. */
	get dueAt(): number {
		return this.#dueAt;
	}

	/** A lease ends with the login that made it. */
	get endsAt(): number {
		return Math.min(this.#lease.expiresAt.getTime(), this.#session?.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY);
	}

	becomeDue(): void {
		this.#dueAt = this.#clock.now();
	}

	/** The store gave no answer: it is asked again later. */
	failed(): void {
		this.#failures += 1;
		this.#dueAt = retryTime(this.#clock, this.#failures, this.endsAt);
	}

	/** @param session the pod's login now: no other one can renew what it did not make */
	canRenew(session: Session | undefined): boolean {
		return (
			session !== undefined && session === this.#session && session.renew !== undefined && this.#lease.id !== "" && this.#lease.renewable
		);
	}

	/** @returns whether the store prolonged it by another whole life. @throws ProviderError on an outage */
	async renew(signal: AbortSignal): Promise<boolean> {
		const { durationSeconds } = this.#granted;
		try {
			const renewed = await this.#session?.renew?.({ ...this.#lease, durationSeconds }, signal);
			if (renewed === undefined) return false;
			this.#lease = renewed;
		} catch (reason) {
			if (isRefusal(reason)) return false;
			throw reason;
		}
		const end = this.#lease.expiresAt.getTime();
		if (isTruncated(end - this.#clock.now(), durationSeconds * 1000)) return false;
		this.#failures = 0;
		this.#dueAt = renewalTime(this.#clock, end);
		return true;
	}

	/** @param session the pod's login now */
	snapshot(session: Session | undefined): HeldSnapshot {
		return {
			ref: this.ref,
			structure: this.found.structure,
			value: this.found.value.reveal().toString("base64"),
			id: this.#lease.id,
			renewable: this.#lease.renewable,
			durationSeconds: this.#granted.durationSeconds,
			expiresAt: this.#lease.expiresAt.getTime(),
			dueAt: this.#dueAt,
			current: session !== undefined && session === this.#session,
		};
	}
}
