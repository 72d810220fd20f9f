/** What became of a Mount. `deliver`: files left. `deny`: policy or a store refused. `fail`: anything else. */
export type Decision = "deliver" | "deny" | "fail";

/** One object that a Mount asked for. Never its value. */
export interface AuditedObject {
	readonly name: string;
	readonly store: string;
	/** The keyed version that went to the driver; absent when nothing was delivered. */
	readonly version?: string;
}

/** One Mount, as the audit keeps it. */
export interface AuditRecord {
	/** RFC 3339, UTC. */
	readonly time: string;
	readonly decision: Decision;
	readonly provider: string;
	readonly namespace: string;
	readonly pod: string;
	readonly podUid: string;
	readonly serviceAccount: string;
	readonly objects: readonly AuditedObject[];
	/** The age of the oldest value delivered because its store could not be reached. */
	readonly staleSeconds?: number;
	/** The stable error code and the text that the caller got, when nothing was delivered. */
	readonly code?: string;
	readonly reason?: string;
}
