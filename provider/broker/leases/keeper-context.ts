import type { Secret } from "../../shared/secret.ts";
import type { Outcome, Ref, Session } from "../../stores/store.ts";
import type { Clock } from "./schedule.ts";
import type { LeaseSource } from "./snapshot.ts";

/** What is written about leases: never a value, a lease's id or a token. */
export interface LeaseLog {
	info(fields: object, message: string): void;
	warn(fields: object, message: string): void;
}

/** What a pod has in its files is no longer what it would get. */
export interface Replacement {
	readonly podUid: string;
	readonly source: LeaseSource;
	readonly ref: Ref;
	/** What the store said instead; undefined when the value has ended because the store could not be reached. */
	readonly outcome: Outcome | undefined;
}

/** What became of a lease: renewed; replaced by a new one; ended without one; not renewed yet; ended with its pod. */
export type LeaseEvent = "renewed" | "replaced" | "ended" | "failed" | "released";

export interface LeaseNews {
	readonly event: LeaseEvent;
	readonly podUid: string;
	readonly source: LeaseSource;
}

/** What all parts of a lease keeper share. */
export interface KeeperContext {
	readonly clock: Clock;
	readonly log: LeaseLog;
	/** Aborts when the keeper stops. */
	readonly stopped: AbortSignal;
	/** The snapshot is another one than before. */
	changed(): void;
	replaced(replacement: Replacement): void;
	/** For metrics, and for who looks after the pod. */
	heard(news: LeaseNews): void;
	/** @throws ProviderError `refused` when policy no longer lets the pod's store be asked */
	resume(source: LeaseSource, state: Secret): Promise<Session>;
}
