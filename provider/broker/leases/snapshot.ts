import type { PlannedStore } from "../../plan/mount-plan.ts";
import type { Found, Identity, Ref } from "../../stores/store.ts";

/** Where a pod's login belongs: plain data, enough to judge it anew and to go on with it after a restart. */
export interface LeaseSource {
	readonly store: PlannedStore;
	readonly identity: Identity;
}

/** All that is needed to go on after a restart. Holds secrets in base64: only for an encrypted file. */
export interface LeaseSnapshot {
	readonly version: 1;
	readonly pods: readonly PodSnapshot[];
	/** Logins of pods that are gone, which the store could not be told about yet. */
	readonly closing: readonly ClosingSnapshot[];
}

export interface PodSnapshot {
	readonly podUid: string;
	readonly source: LeaseSource;
	readonly login: LoginSnapshot;
	/** States of earlier logins whose leases may live on. */
	readonly former: readonly string[];
	readonly leases: readonly HeldSnapshot[];
}

export interface LoginSnapshot {
	readonly state: string;
	/** Milliseconds; absent for a login without an end. */
	readonly life?: number;
	readonly dueAt?: number;
}

export interface HeldSnapshot {
	readonly ref: Ref;
	readonly structure: Found["structure"];
	readonly value: string;
	readonly id: string;
	readonly renewable: boolean;
	/** As granted at the read, which renewals ask for. */
	readonly durationSeconds: number;
	readonly expiresAt: number;
	readonly dueAt: number;
	/** False when it was made by an earlier login, which cannot renew it any more. */
	readonly current: boolean;
}

export interface ClosingSnapshot {
	readonly source: LeaseSource;
	readonly state: string;
	readonly leases: readonly { readonly id: string; readonly durationSeconds: number; readonly expiresAt: number }[];
}

/** The snapshot in a parsed file, or undefined when it is of another version or no snapshot. */
export function parseSnapshot(value: unknown): LeaseSnapshot | undefined {
	return isSnapshot(value) ? value : undefined;
}

type Members<Type> = { readonly [Name in keyof Type]-?: (value: unknown) => boolean };

const isText = (value: unknown): value is string => typeof value === "string";
const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const isFlag = (value: unknown): value is boolean => typeof value === "boolean";
const isOptionalNumber = (value: unknown) => value === undefined || isNumber(value);

function has<Type>(members: Members<Type>): (value: unknown) => value is Type {
	return (value): value is Type => {
		if (typeof value !== "object" || value === null) return false;
		const object: object = value;
		return Object.entries<(value: unknown) => boolean>(members).every(([name, fits]) => fits(Reflect.get(object, name)));
	};
}

function list(fits: (value: unknown) => boolean): (value: unknown) => boolean {
	return (value) => Array.isArray(value) && value.every(fits);
}

const isSource = has<LeaseSource>({
	store: (value) =>
		has<Pick<PlannedStore, "instance" | "audience">>({
			instance: has<Pick<PlannedStore["instance"], "key" | "type" | "name">>({ key: isText, type: isText, name: isText }),
			audience: isText,
		})(value),
	identity: has<Identity>({ key: isText, audience: isText, namespace: isText, serviceAccount: isText, role: isText }),
});

const isSnapshot = has<LeaseSnapshot>({
	version: (value) => value === 1,
	pods: list(
		has<PodSnapshot>({
			podUid: isText,
			source: isSource,
			login: has<LoginSnapshot>({ state: isText, life: isOptionalNumber, dueAt: isOptionalNumber }),
			former: list(isText),
			leases: list(
				has<HeldSnapshot>({
					ref: has<Pick<Ref, "key">>({ key: isText }),
					structure: (value) => value === "bytes" || value === "json",
					value: isText,
					id: isText,
					renewable: isFlag,
					durationSeconds: isNumber,
					expiresAt: isNumber,
					dueAt: isNumber,
					current: isFlag,
				}),
			),
		}),
	),
	closing: list(
		has<ClosingSnapshot>({
			source: isSource,
			state: isText,
			leases: list(has<ClosingSnapshot["leases"][number]>({ id: isText, durationSeconds: isNumber, expiresAt: isNumber })),
		}),
	),
});
