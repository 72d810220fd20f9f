import { ProviderError } from "../../../errors.ts";
import type { MountRequest } from "../../../plan/mount-request.ts";
import type { ConfiguredStore } from "../../../plan/native/index.ts";
import { readYaml, YamlError, type YamlNode } from "../../../plan/yaml.ts";
import type { Ref, Store, StoreInstance } from "../../../stores/store.ts";

/** The name of the administrator's store that a class means when it names none. */
const unnamed = "administrators-store";

/**
 * The stores that a class of the native dialect takes from the administrator, for a lint without the policy file
 * that defines them: those that it names without saying what they are. One that is called as its type is taken for a
 * store of that type; of any other nothing can be said, so whatever an object says about it is let pass.
 *
 * @param store a store by its type; undefined when there is no such type
 */
export function assumedStores(request: MountRequest, store: (type: string) => Store | undefined): ReadonlyMap<string, ConfiguredStore> {
	const names = takenStores(request);
	return new Map(names.map((name) => [name, assume(name, store(name) ?? storeOfAnyType)]));
}

function takenStores(request: MountRequest): readonly string[] {
	const stores = read(request, "stores");
	if (Array.isArray(stores)) return (stores as readonly YamlNode[]).filter((name) => typeof name === "string");
	if (stores instanceof Map) return [...stores].filter(([, definition]) => isTaken(definition)).map(([name]) => name);
	// Without `stores` a class knows all of the administrator's.
	const objects = read(request, "objects");
	if (!Array.isArray(objects)) return [];
	const named = (objects as readonly YamlNode[]).map((object) => (object instanceof Map ? object.get("store") : undefined));
	const names = new Set(named.filter((name) => typeof name === "string"));
	return names.size === 0 ? [unnamed] : [...names];
}

/** An administrator's store stands there by its name alone, or with the role that it leaves open. */
function isTaken(definition: YamlNode): boolean {
	if (!(definition instanceof Map)) return definition === "";
	return definition.size === 1 && definition.has("role");
}

function read(request: MountRequest, parameter: string): YamlNode | undefined {
	try {
		const text = request.parameters.get(parameter);
		return text === undefined || text === "" ? undefined : readYaml(text);
	} catch (error) {
		if (error instanceof YamlError) return undefined;
		throw error;
	}
}

function assume(name: string, store: Store): ConfiguredStore {
	const instance: StoreInstance = {
		name,
		type: store.type,
		key: name,
		endpoints: [],
		skipsTlsVerification: false,
		bringsOwnTrust: false,
	};
	return { store, instance, audience: store.defaultAudience, role: "" };
}

const storeOfAnyType: Store = {
	type: "",
	defaultAudience: "",
	needsVerifiedToken: false,
	instance: (name) => assume(name, storeOfAnyType).instance,
	role: (fields) => fields.text("role") ?? "",
	ref(fields): Ref {
		for (const key of fields.keys()) fields.node(key);
		return { key: fields.path };
	},
	connect: () => Promise.reject(new ProviderError("internal", "A lint asks no store.")),
};
