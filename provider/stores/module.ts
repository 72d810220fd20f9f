import type { Fields } from "../plan/fields.ts";
import type { MountPlan, PlannedStore } from "../plan/mount-plan.ts";
import type { MountRequest } from "../plan/mount-request.ts";
import type { ClusterAccess } from "../shared/cluster-access.ts";
import type { Finding } from "../shared/finding.ts";
import type { Ref, Store, StoreInstance } from "./store.ts";

/** A way to write SecretProviderClass parameters. */
export interface Dialect {
	/** The provider name in the SecretProviderClass, and the socket's name. */
	readonly name: string;
	/** The parameter that lists what is wanted; default: `objects`. */
	readonly objectsParameter?: string;
	/** The fields that an entry of that parameter may have, where a misspelt one is passed over; absent: it is a fault. */
	readonly objectFields?: readonly string[];
	/** Whether those fields are read whatever the case of their names. */
	readonly ignoresCase?: boolean;
	/**
	 * The annotations of the pod that the plan of a request depends on, by their keys; absent or empty: none. They are read
	 * before {@link plan}, which finds them in the request.
	 */
	podAnnotations?(request: MountRequest): readonly string[];
	/**
	 * Plans one Mount, without I/O.
	 * @throws ProviderError `invalid` with every fault at once
	 */
	plan(request: MountRequest): MountPlan;
	/** The store of a class that says nothing of it but what it must: what the administrator's defaults amount to. */
	usualStore?(): PlannedStore;
}

/** What a look at a store may use: no pod's token, and no right but to ask what anybody may ask. */
export interface DiagnosisContext {
	readonly signal: AbortSignal;
	/** Absent where no API server is known. */
	readonly cluster?: ClusterAccess;
	/** Whether policy lets a connection to this resolved IP address be opened. */
	allowsAddress(address: string): boolean;
}

/** Whose pods a class is for, as far as it is known without one. */
export interface Holder {
	readonly namespace: string | undefined;
	readonly serviceAccount: string | undefined;
}

/** What is known of an object before a pod asks for it. */
export interface ObjectRemark {
	/** `error`: none of these pods can have it. `warning`: they can, and something should be mended. */
	readonly severity: "error" | "warning";
	/** The field of the object's entry that it is about. */
	readonly field: string;
	/** What is the matter, as a clause. */
	readonly cause: string;
	readonly remedy: string;
}

/** What a store's folder exports. */
export interface StoreModule {
	readonly store: Store;
	/** Its compatible dialects, made with the administrator's defaults for that dialect (policy file, `dialects.<name>`). */
	dialect?(name: string, defaults: Fields): Dialect;
	/**
	 * Looks at an instance without a login: the way to it by stage, and what it tells anybody of its state. Never
	 * rejects for what it finds. Absent: only the way to the instance's endpoints is looked at.
	 */
	diagnose?(instance: StoreInstance, context: DiagnosisContext): Promise<readonly Finding[]>;
	/**
	 * Looks at an object without asking the store, for whoever writes a class. Absent: nothing can be said before.
	 *
	 * @param instance undefined: what the administrator has written is not known
	 */
	inspect?(ref: Ref, holder: Holder, instance: StoreInstance | undefined): readonly ObjectRemark[];
}
