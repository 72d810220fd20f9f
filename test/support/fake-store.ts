import type { MountPlan, PlannedStore } from "../../provider/plan/mount-plan.ts";
import type { MountRequest, Pod } from "../../provider/plan/mount-request.ts";
import { Secret } from "../../provider/shared/secret.ts";
import type { Ref, Session, Store, StoreInstance } from "../../provider/stores/store.ts";

/** A store whose answers a test writes; for what happens around stores, not in them. */
export function fakeStore(connect: Store["connect"], overrides: Partial<Store> = {}): Store {
	return {
		type: "vault",
		defaultAudience: "vault",
		needsVerifiedToken: false,
		instance: (name) => fakeInstance({ name }),
		role: () => "",
		ref: () => ({ key: "" }),
		connect,
		...overrides,
	};
}

export function fakeSession(
	read: (ref: Ref, signal: AbortSignal) => ReturnType<Session["read"]> extends Promise<readonly (infer O)[]> ? Promise<O> : never,
): Session {
	return { batchSize: 1, read: (refs, signal) => Promise.all(refs.map((ref) => read(ref, signal))) };
}

export function fakeInstance(overrides: Partial<StoreInstance> = {}): StoreInstance {
	const endpoints = overrides.endpoints ?? ["https://vault.example:8200"];
	return {
		name: "main",
		type: "vault",
		key: endpoints.join(),
		endpoints,
		skipsTlsVerification: false,
		bringsOwnTrust: false,
		...overrides,
	};
}

export function plannedStore(overrides: Partial<PlannedStore> = {}): PlannedStore {
	return {
		instance: fakeInstance(),
		audience: "vault",
		role: "shop",
		origin: "parameters",
		audienceOrigin: "parameters",
		addressParameter: "vaultAddress",
		audienceParameter: "audience",
		...overrides,
	};
}

/** A plan that asks the first store for each named object. */
export function planOf(stores: readonly PlannedStore[], objects: readonly string[] = []): MountPlan {
	return {
		stores,
		objects: objects.map((name, index) => ({ name, path: `objects[${index}]`, store: 0, ref: { key: name }, optional: false })),
		files: [],
	};
}

export function requestOf(
	pod: Pod,
	tokens: Readonly<Record<string, string>> = {},
	signal: AbortSignal = new AbortController().signal,
): MountRequest {
	return {
		provider: "vault",
		pod,
		tokens: new Map(Object.entries(tokens).map(([audience, token]) => [audience, new Secret(token)])),
		parameters: new Map(),
		credentials: new Map(),
		defaultMode: 0o644,
		targetPath: "/mnt/secrets-store",
		currentVersions: new Map(),
		signal,
	};
}
