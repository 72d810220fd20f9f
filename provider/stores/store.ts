import type { ProviderError } from "../errors.ts";
import type { Fields } from "../plan/fields.ts";
import type { MountRequest } from "../plan/mount-request.ts";
import type { ClusterAccess } from "../shared/cluster-access.ts";
import type { Secret } from "../shared/secret.ts";

/**
 * One store with one address and one set of options. Stores extend it with their own fields.
 * Two instances with the same key are the same to sessions and caches.
 */
export interface StoreInstance {
	/** How a plan calls it, such as `main`. Not part of the key. */
	readonly name: string;
	/** The registered type, such as `vault`. */
	readonly type: string;
	/** Canonical text of address and options; never holds a secret. */
	readonly key: string;
	/**
	 * Every URL that a session of this instance may contact, for policy to judge. Empty for a store
	 * inside this process. `unix:///path` is an address too.
	 */
	readonly endpoints: readonly string[];
	/**
	 * Those of the endpoints whose hosts the store's own code makes from names that it has checked, such as a cloud's
	 * service in a region. Nobody has chosen them, so policy need not list them.
	 */
	readonly derivedEndpoints?: readonly string[];
	/** True when the instance asks for something that a SecretProviderClass may not, such as another address for a cloud's service. */
	readonly administratorsOnly?: boolean;
	/** True for the API server that {@link StoreContext.cluster} leads to: it alone may be handed tokens for the API server. */
	readonly isThisCluster?: boolean;
	/** The audience of the tokens it takes, where that is another than {@link Store.defaultAudience}. */
	readonly defaultAudience?: string;
	/** Where the service account names the role of an identity that has none. */
	readonly roleAnnotation?: RoleAnnotation;
	/**
	 * The login is made with the data of nodePublishSecretRef, and no token of the pod is needed. Such a login is shared
	 * by those alone who bring the same data. `node`: with the node's own identity, for pods that the administrator has
	 * named. Absent: with the pod's token.
	 */
	readonly loginBy?: "credentials" | "node";
	/** True when the instance asks not to verify the server's certificate. */
	readonly skipsTlsVerification: boolean;
	/** True when trust in the server rests on a certificate that the SecretProviderClass brought. */
	readonly bringsOwnTrust: boolean;
}

/** A role that stands in an annotation of the pod's service account. */
export interface RoleAnnotation {
	/** The annotation, such as `eks.amazonaws.com/role-arn`. */
	readonly key: string;
	/** Annotations that say more of the role; looked at where the first one is there. */
	readonly further?: readonly string[];
	/** Without the annotation the identity acts as itself, and its role is empty. Otherwise that is a failure. */
	readonly isOptional?: boolean;
	/**
	 * Makes the role of the annotations' texts; absent: it is the first text.
	 *
	 * @param texts of `key`, then of {@link further}
	 * @throws ProviderError `invalid` when they make no role
	 */
	role?(texts: readonly (string | undefined)[], account: Pick<Identity, "namespace" | "serviceAccount">): string;
	/**
	 * Words why there is no role.
	 *
	 * @param error why the service account could not be read; undefined when it lacks the annotation
	 */
	failure(account: Pick<Identity, "namespace" | "serviceAccount">, error: ProviderError | undefined): ProviderError;
}

/** The exact address of one thing in a store. Stores extend it with plain data. Equal keys mean the same thing. */
export interface Ref {
	readonly key: string;
	/** True when reading it probably makes something new with an end, so that each pod must read for itself. The answer decides. */
	readonly leased?: boolean;
}

/** Who the store sees. The key of every session and cache; never contains a token. */
export interface Identity {
	/** Canonical text of instance, audience, namespace, service account and role. */
	readonly key: string;
	readonly audience: string;
	readonly namespace: string;
	readonly serviceAccount: string;
	/** What the store calls the identity to act as (role, account); empty when it has no such thing. */
	readonly role: string;
}

/** The end of a value that was made for one reader. */
export interface Lease {
	/** What the store renews and revokes it by; empty for a value that only has an end, such as a certificate. */
	readonly id: string;
	/** How long the store gave it at the read or the last renewal; a renewal asks for as much. */
	readonly durationSeconds: number;
	readonly renewable: boolean;
	/** When it ends unless it is renewed; rather early than late. */
	readonly expiresAt: Date;
}

/** The store gave the value. */
export interface Found {
	readonly kind: "found";
	readonly value: Secret;
	/** `json`: the value is JSON text whose parts may be selected. `bytes`: it is taken as it is. `keys`: an object of base64, each taken as bytes. */
	readonly structure: "bytes" | "json" | "keys";
	readonly lease?: Lease;
}

/** The store said that the thing does not exist (error code `absent`). */
export interface Absent {
	readonly kind: "absent";
	readonly error: ProviderError;
}

/** The store said that this identity may not have it (error code `denied`). */
export interface Denied {
	readonly kind: "denied";
	readonly error: ProviderError;
}

/** What a store says about a ref. An outage is no outcome: it is thrown, with code `unreachable`. */
export type Outcome = Found | Absent | Denied;

/** One ref of several got no outcome: an outage of its own, or the store finds it malformed. The others are not its fault. */
export interface Failed {
	readonly kind: "failed";
	/** Code `unreachable` or `invalid`. */
	readonly error: ProviderError;
}

/** What a failure means for its one ref: the store's word, where the error is that, else no outcome. */
export function outcomeOf(error: ProviderError): Outcome | Failed {
	return { kind: error.code === "absent" || error.code === "denied" ? error.code : "failed", error };
}

/** What a store may use while it connects and reads. */
export interface StoreContext {
	/** The pod's token for the identity's audience, already judged by policy. */
	readonly token: Secret;
	/** Data of nodePublishSecretRef. */
	readonly credentials: ReadonlyMap<string, Secret>;
	readonly signal: AbortSignal;
	/**
	 * Runs a call under the limit of this store instance. Every request to the store goes through it.
	 * A call whose signal aborts while it waits its turn is given up at once.
	 */
	schedule<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T>;
	/** Makes a thing once per store instance and keeps it, such as a client with its connections. */
	once<T>(make: () => T): T;
	/** Whether policy lets a connection to this resolved IP address be opened. */
	allowsAddress(address: string): boolean;
	/**
	 * The region of the cloud that this node lies in; absent where the process knows neither node nor cluster.
	 * @throws ProviderError `unreachable`, `denied` or `absent` when it cannot be found out
	 */
	nodeRegion?(signal: AbortSignal): Promise<string>;
	/** Absent where the process knows no API server. */
	readonly cluster?: ClusterAccess;
	/** Tells the administrator of something that works still and should be mended, as sentences without a secret. Absent: nobody listens. */
	advise?(advice: string): void;
}

/** What a store may use to go on with a login: no token of a pod is at hand then. */
export type ResumeContext = Pick<StoreContext, "schedule" | "once" | "allowsAddress">;

/** A store's client, logged in as one identity. */
export interface Session {
	/** When the login ends, which {@link renewLogin} moves; undefined when it has no end. */
	readonly expiresAt?: Date | undefined;
	/** How many refs one read may carry. 1: the store has no batches, and refs are read side by side. */
	readonly batchSize: number;
	/**
	 * Reads refs, one outcome each, in order.
	 * @throws ProviderError `unreachable` on an outage, `invalid` when the store finds the ref malformed
	 */
	read(refs: readonly Ref[], signal: AbortSignal): Promise<readonly (Outcome | Failed)[]>;
	/**
	 * Tells when a ref may have changed, until the signal aborts (with a ProviderError `stopped` when for good); absent where the
	 * store cannot. A hint, not a promise.
	 *
	 * @param onTrouble hears why nothing is told of a ref for the time being, once until it is again
	 */
	watch?(
		refs: readonly Ref[],
		onChange: (ref: Ref) => void,
		signal: AbortSignal,
		onTrouble?: (ref: Ref, error: ProviderError) => void,
	): void;
	/**
	 * Prolongs a lease that this login made, by its `durationSeconds`.
	 * @throws ProviderError `unreachable` on an outage; any other code is the store's refusal
	 */
	renew?(lease: Lease, signal: AbortSignal): Promise<Lease>;
	/** Ends a lease. @throws as {@link renew} */
	revoke?(lease: Lease, signal: AbortSignal): Promise<void>;
	/** Prolongs the login, which moves `expiresAt`; absent when the store does not. @throws as {@link renew} */
	renewLogin?(signal: AbortSignal): Promise<void>;
	/** Ends the login and with it every lease that it made; absent when ending it has no effect. @throws as {@link renew} */
	close?(): Promise<void>;
	/** What {@link Store.resume} takes to go on with this login in another process: in it is what the store trusts. */
	state?(): Secret;
}

/** A system that keeps secrets. */
export interface Store {
	readonly type: string;
	/** The audience whose token it takes unless configured otherwise. */
	readonly defaultAudience: string;
	/** True when the store itself decides by namespace and service account, so a merely decoded token is not enough. */
	readonly needsVerifiedToken: boolean;
	/** The key whose text stands for a JSON value of which nothing is selected, such as `Content`; absent: the value as a whole. */
	readonly mainKey?: string;
	/** Reads an instance as written under `stores` in the native dialect or in the policy file. */
	instance(name: string, fields: Fields): StoreInstance;
	/** The role an instance logs in with, as written beside its address; empty when none. */
	role(fields: Fields): string;
	/** Reads what an `objects` entry of the native dialect says about the place of the thing. */
	ref(fields: Fields, instance: StoreInstance, request: MountRequest): Ref;
	/**
	 * Logs in.
	 * @throws ProviderError `denied` when the store refuses the identity, `unreachable` on an outage
	 */
	connect(instance: StoreInstance, identity: Identity, context: StoreContext): Promise<Session>;
	/**
	 * Goes on with a login of an earlier process, without asking the store.
	 * @throws ProviderError `invalid` when the state is not one of this store's sessions
	 */
	resume?(instance: StoreInstance, state: Secret, context: ResumeContext): Promise<Session>;
}
