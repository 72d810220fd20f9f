import type { Store, StoreInstance } from "../../stores/store.ts";
import { type Fields, quote } from "../fields.ts";
import type { PlannedStore } from "../mount-plan.ts";
import type { YamlNode } from "../yaml.ts";
import type { ConfiguredStore, NativeEnvironment } from "./index.ts";

const storeName = /^[a-z0-9][a-z0-9-]{0,62}$/;
const maximumStores = 100;

/** A store that objects may name. */
export interface KnownStore {
	readonly store: Store;
	readonly planned: PlannedStore;
}

/** A store of the administrator's as plans use it. */
export function planConfigured(name: string, { instance, audience, role }: Omit<ConfiguredStore, "store">): PlannedStore {
	return {
		instance,
		audience,
		role,
		origin: "policy",
		audienceOrigin: "policy",
		addressParameter: `stores.${name}.address`,
		audienceParameter: `stores.${name}.audience`,
	};
}

/**
 * The stores of one SecretProviderClass: those it defines itself and those of the administrator
 * that it names, or, without `stores`, all of the administrator's.
 */
export class KnownStores {
	readonly #fields: Fields;
	readonly #environment: NativeEnvironment;
	/** By name; undefined for one whose type is not known. One with faults is known too, so that those of its objects show at once. */
	readonly #known = new Map<string, KnownStore | undefined>();
	readonly #used: PlannedStore[] = [];

	constructor(fields: Fields, environment: NativeEnvironment) {
		this.#fields = fields;
		this.#environment = environment;
		this.#readAll(fields.node("stores"));
	}

	/** The stores that {@link use} has been asked for, in that order. */
	get used(): readonly PlannedStore[] {
		return this.#used;
	}

	/**
	 * The store of an object, and its index among those used.
	 * Undefined when there is none; then a fault is noted, here or at its definition.
	 */
	use(object: Fields): (KnownStore & { readonly index: number }) | undefined {
		const name = object.text("store") ?? this.#onlyName(object);
		if (name === undefined) return undefined;
		const known = this.#known.get(name);
		if (known === undefined) {
			if (!this.#known.has(name)) object.reject("store", `is ${quote(name)}, which is no known store`, this.#names());
			return undefined;
		}
		const index = this.#used.indexOf(known.planned);
		return { ...known, index: index === -1 ? this.#used.push(known.planned) - 1 : index };
	}

	#onlyName(object: Fields): string | undefined {
		const [first, ...others] = this.#known.keys();
		if (others.length === 0 && first !== undefined) return first;
		// When `stores` itself cannot be read, that is the fault to tell.
		if (!object.has("store") && !this.#fields.faults.list.some(({ path }) => path === "stores")) {
			object.reject("store", "is missing", first === undefined ? "Define a store in `stores`, and name it here." : this.#names());
		}
		return undefined;
	}

	#names(): string {
		const names = [...this.#known.keys()];
		return names.length === 0 ? "Define it in `stores`." : `Known here: ${names.join(", ")}.`;
	}

	#readAll(node: YamlNode | undefined): void {
		if (node === undefined || node === "") {
			for (const name of this.#environment.configured.keys()) this.#known.set(name, this.#configured(name));
		} else if (node instanceof Map) {
			this.#readMapping(node);
		} else if (Array.isArray(node)) {
			for (const [index, item] of node.entries()) this.#readName(item, `stores[${index}]`);
		} else {
			this.#fields.reject(
				"stores",
				"is neither a mapping nor a list",
				"Write `name: {type: …}` lines, or names that the administrator configured.",
			);
		}
		if (this.#known.size > maximumStores) this.#fields.reject("stores", `has more than ${maximumStores} entries`, "Divide the class.");
	}

	/** An entry of a list of names. */
	#readName(item: YamlNode, path: string): void {
		const { faults } = this.#fields;
		if (typeof item !== "string") {
			faults.add(path, "is not a name", "A list holds names that the administrator configured; to define a store write `name: {type: …}`.");
			return;
		}
		const known = this.#configured(item);
		if (known === undefined) faults.add(path, `is ${quote(item)}, which the administrator has not configured`, this.#configuredNames());
		this.#known.set(item, known);
	}

	#readMapping(node: ReadonlyMap<string, YamlNode>): void {
		const stores = this.#fields.mapping("stores");
		for (const [name, definition] of node) {
			if (!storeName.test(name)) {
				this.#fields.faults.add(`stores.${quote(name)}`, "is not a name for a store", "Use lower-case letters, digits and -, at most 63.");
			} else if (definition === "") {
				this.#readName(name, `stores.${name}`);
				continue;
			}
			const fields = stores?.mapping(name);
			this.#known.set(name, fields === undefined ? undefined : this.#define(name, fields));
		}
	}

	#define(name: string, fields: Fields): KnownStore | undefined {
		const configured = this.#configured(name);
		if (configured !== undefined) return this.#takeRole(configured, fields);
		const { storeTypes } = this.#environment;
		const type = fields.required("type", `Write one of ${storeTypes.join(", ")}.`);
		const store = storeTypes.includes(type) ? this.#environment.store(type) : undefined;
		if (store === undefined) {
			if (type !== "") fields.reject("type", `is ${quote(type)}`, `Write one of ${storeTypes.join(", ")}.`);
			return undefined;
		}
		const planned = this.#plan(store, store.instance(name, fields), fields);
		fields.done();
		return { store, planned };
	}

	/** A configured store that names no role leaves it to each class: the store decides who may act as what. */
	#takeRole(configured: KnownStore, fields: Fields): KnownStore {
		const role = configured.planned.role === "" ? configured.store.role(fields) : "";
		if (role !== "" && fields.keys().length === 1) return { store: configured.store, planned: { ...configured.planned, role } };
		fields.faults.add(
			fields.path,
			"is configured by the administrator, who alone sets its fields",
			"Write the name alone, with a role where the administrator has left it open, or choose another name.",
		);
		return configured;
	}

	#plan(store: Store, instance: StoreInstance, fields: Fields): PlannedStore {
		if (instance.endpoints.length === 0) {
			fields.faults.add(
				fields.path,
				`is a store of type ${store.type} inside the provider, which only the administrator may define`,
				`Ask for it in the policy file, and write its name. ${this.#configuredNames()}`,
			);
		}
		if (instance.administratorsOnly === true) {
			fields.faults.add(
				fields.path,
				"has options that only the administrator may write",
				`Ask for the store in the policy file, and write its name. ${this.#configuredNames()}`,
			);
		}
		const audience = fields.text("audience") ?? instance.defaultAudience ?? store.defaultAudience;
		// The token for the API server itself is one without an audience's name.
		if (audience === "" && store.defaultAudience !== "")
			fields.reject("audience", "is empty", "Write the audience that the store expects of tokens.");
		return {
			instance,
			audience,
			role: store.role(fields),
			origin: "parameters",
			audienceOrigin: "parameters",
			addressParameter: fields.at("address"),
			audienceParameter: fields.at("audience"),
		};
	}

	#configured(name: string): KnownStore | undefined {
		const configured = this.#environment.configured.get(name);
		if (configured === undefined) return undefined;
		return { store: configured.store, planned: planConfigured(name, configured) };
	}

	#configuredNames(): string {
		const names = [...this.#environment.configured.keys()];
		return names.length === 0 ? "None is configured." : `Configured: ${names.join(", ")}.`;
	}
}
