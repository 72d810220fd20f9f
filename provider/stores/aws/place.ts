import type { Caller } from "../../aws/caller.ts";
import type { Secret } from "../../shared/secret.ts";
import type { Identity } from "../store.ts";

/** One region as one identity sees it. */
export interface Place {
	readonly region: string;
	readonly identity: Identity;
	readonly caller: Caller;
	/** What no text may repeat. */
	readonly confidential: readonly Secret[];
	/** What this session has learnt of its rights. */
	readonly lessons: Lessons;
}

/** What an identity may not do, found out once for a session. */
export interface Lessons {
	/** Batches of Secrets Manager have a permission of their own. */
	mayBatch: boolean;
	/** Parameters that AWS refused a whole call for; each is asked for alone. */
	readonly alone: Set<string>;
}

const arnForm = /^arn:aws[a-z-]*:[a-z]+:([a-z0-9-]*):\d*:/;

/** The region in an ARN; undefined for a name. */
export function regionOf(id: string): string | undefined {
	return arnForm.exec(id)?.[1];
}

/** The same name, or the ARN of the same thing, in another region: replicas keep the rest of it. */
export function inRegion(id: string, region: string): string {
	return regionOf(id) === undefined ? id : id.split(":").with(3, region).join(":");
}
