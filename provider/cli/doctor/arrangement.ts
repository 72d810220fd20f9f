import { Dialects } from "../../dialects.ts";
import type { ServeOptions } from "../../options.ts";
import type { PlannedStore } from "../../plan/mount-plan.ts";
import { audienceOwners } from "../../policy/audiences.ts";
import { Gate } from "../../policy/gate.ts";
import type { Policy } from "../../policy/policy-file.ts";
import { readPolicy } from "../../serve-policy.ts";
import { StoreRegistry } from "../../store-registry.ts";
import { stores } from "../../stores/index.ts";

/** What policy file and providers amount to, read by the code that the provider reads them with. */
export interface Arrangement {
	readonly policy: Policy;
	readonly registry: StoreRegistry;
	readonly dialects: Dialects;
	/** Judges what may be asked. Without a verifier: no token ever comes here. */
	readonly gate: Gate;
	/** The stores that are known before any class is. */
	readonly stores: readonly PlannedStore[];
}

/** @throws ProviderError `invalid` with every fault of the policy */
export async function arrange(serve: ServeOptions): Promise<Arrangement> {
	const policy = readPolicy(serve);
	const registry = new StoreRegistry(stores);
	const dialects = await Dialects.open(registry, policy, serve.providers);
	const gate = new Gate({ policy, owners: audienceOwners(stores), store: (type) => registry.store(type), warn: () => {} });
	return { policy, registry, dialects, gate, stores: await dialects.knownStores(serve.providers) };
}
