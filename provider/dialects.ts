import { ProviderError } from "./errors.ts";
import { Faults } from "./plan/faults.ts";
import { Fields } from "./plan/fields.ts";
import type { PlannedStore } from "./plan/mount-plan.ts";
import type { MountRequest } from "./plan/mount-request.ts";
import { type ConfiguredStore, planNative, storeTypesIn } from "./plan/native/index.ts";
import { planConfigured } from "./plan/native/stores.ts";
import { finishPolicy, type Policy } from "./policy/policy-file.ts";
import type { StoreRegistry } from "./store-registry.ts";
import type { Dialect } from "./stores/module.ts";
import type { StoreInstance } from "./stores/store.ts";

/** The provider name of the native dialect. */
export const nativeProvider = "claviger";

/** The dialects that this provider serves, each ready on first use. */
export class Dialects {
	readonly #registry: StoreRegistry;
	readonly #policy: Policy;
	readonly #compatible = new Map<string, Dialect>();
	readonly #configured: ReadonlyMap<string, ConfiguredStore>;

	private constructor(registry: StoreRegistry, policy: Policy, configured: ReadonlyMap<string, ConfiguredStore>) {
		this.#registry = registry;
		this.#policy = policy;
		this.#configured = configured;
	}

	/**
	 * Reads what the policy says of stores and dialects, so that its faults end the start and not a Mount.
	 *
	 * @throws ProviderError `invalid` for a provider name without a dialect, and for every fault of the policy
	 */
	static async open(registry: StoreRegistry, policy: Policy, providers: readonly string[]): Promise<Dialects> {
		const unknown = providers.find((name) => name !== nativeProvider && registry.typeOfDialect(name) === undefined);
		if (unknown !== undefined) {
			const known = [nativeProvider, ...registry.entries.flatMap((entry) => entry.dialects)].join(", ");
			throw new ProviderError("invalid", `--providers: there is no dialect ${JSON.stringify(unknown)}.`, { remedy: `Known: ${known}.` });
		}
		const dialects = new Dialects(registry, policy, await configuredStores(registry, policy));
		for (const name of policy.dialects.keys()) await dialects.#makeCompatible(name);
		finishPolicy(policy);
		return dialects;
	}

	/** The dialect of a request, with the stores it names loaded. */
	async of(request: MountRequest): Promise<Dialect> {
		if (request.provider !== nativeProvider) return this.#compatible.get(request.provider) ?? this.#makeCompatible(request.provider);
		const registry = this.#registry;
		const known = storeTypesIn(request).filter((type) => registry.types.includes(type));
		await Promise.all(known.map((type) => registry.module(type)));
		const environment = { store: (type: string) => registry.loaded(type), storeTypes: registry.types, configured: this.#configured };
		return { name: nativeProvider, plan: (planned) => planNative(planned, environment) };
	}

	/** The stores that are known before any class is: those that the policy names, and what classes of the providers served fall back on. */
	async knownStores(providers: readonly string[]): Promise<readonly PlannedStore[]> {
		const known = [...this.#configured].map(([name, configured]) => planConfigured(name, configured));
		for (const name of providers) {
			if (name === nativeProvider) continue;
			const usual = (this.#compatible.get(name) ?? (await this.#makeCompatible(name))).usualStore?.();
			if (usual !== undefined) known.push(usual);
		}
		return known;
	}

	/**
	 * What the administrator calls a store instance, whoever asks for it: its name under `stores`, that of another one
	 * at the same address, or the dialect whose classes fall back on that address. Undefined for any other address.
	 */
	configuredName({ key, type, endpoints }: StoreInstance): string | undefined {
		const address = endpoints.join(" ");
		const isThere = (known: StoreInstance) => known.type === type && known.endpoints.join(" ") === address;
		for (const [name, { instance }] of this.#configured) if (instance.key === key) return name;
		for (const [name, { instance }] of this.#configured) if (isThere(instance)) return name;
		for (const [name, { usualStore }] of this.#compatible) {
			const usual = usualStore?.().instance;
			if (usual !== undefined && isThere(usual)) return name;
		}
		return undefined;
	}

	/** Loads the code of the compatible dialects served, so that the first Mount does not wait for it. */
	async warm(providers: readonly string[]): Promise<void> {
		for (const name of providers) if (name !== nativeProvider && !this.#compatible.has(name)) await this.#makeCompatible(name);
	}

	async #makeCompatible(name: string): Promise<Dialect> {
		const type = this.#registry.typeOfDialect(name);
		const { faults } = this.#policy;
		const defaults = this.#policy.dialects.get(name) ?? new Fields(new Map(), `dialects.${name}`, new Faults());
		const dialect = type === undefined ? undefined : (await this.#registry.module(type)).dialect?.(name, defaults);
		if (dialect === undefined) {
			faults.add(`dialects.${name}`, "is not the name of a dialect");
			throw faults.toError("The policy file");
		}
		this.#compatible.set(name, dialect);
		return dialect;
	}
}

async function configuredStores(registry: StoreRegistry, policy: Policy): Promise<ReadonlyMap<string, ConfiguredStore>> {
	const configured = new Map<string, ConfiguredStore>();
	for (const [name, fields] of policy.stores) {
		const type = fields.oneOf("type", registry.types, "");
		if (!fields.has("type")) fields.reject("type", "is missing", `Write one of ${registry.types.join(", ")}.`);
		if (type === "") continue;
		const { store } = await registry.module(type);
		const instance = store.instance(name, fields);
		configured.set(name, {
			store,
			instance,
			audience: fields.text("audience") ?? instance.defaultAudience ?? store.defaultAudience,
			role: store.role(fields),
		});
	}
	return configured;
}
