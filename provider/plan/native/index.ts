import type { Store, StoreInstance } from "../../stores/store.ts";
import { Faults } from "../faults.ts";
import { Fields, quote } from "../fields.ts";
import type { MountPlan } from "../mount-plan.ts";
import type { MountRequest } from "../mount-request.ts";
import { readYaml, YamlError, type YamlNode } from "../yaml.ts";
import { readFiles } from "./files.ts";
import { readObjects } from "./objects.ts";
import { KnownStores } from "./stores.ts";

/** A store that the administrator defined in the policy file. */
export interface ConfiguredStore {
	readonly instance: StoreInstance;
	readonly store: Store;
	readonly audience: string;
	readonly role: string;
}

/** What the native dialect knows of the process. */
export interface NativeEnvironment {
	/** The store of a type, loaded before; see {@link storeTypesIn}. */
	store(type: string): Store | undefined;
	readonly storeTypes: readonly string[];
	readonly configured: ReadonlyMap<string, ConfiguredStore>;
}

const parameterNames = ["stores", "objects", "files"] as const;
const subject = "The SecretProviderClass parameters";

/**
 * The store types that `stores` names, so that their code can be loaded before {@link planNative}.
 * Faults are left to planNative.
 */
export function storeTypesIn(request: MountRequest): readonly string[] {
	const stores = readParameter(request, "stores", new Faults());
	if (!(stores instanceof Map)) return [];
	const types = [...stores.values()].map((fields) => (fields instanceof Map ? fields.get("type") : undefined));
	return [...new Set(types.filter((type) => typeof type === "string"))];
}

/**
 * Plans a Mount from the parameters `stores`, `objects` and `files`, each a YAML text.
 *
 * @throws ProviderError `invalid` with every fault at once, each with its path
 */
export function planNative(request: MountRequest, environment: NativeEnvironment): MountPlan {
	const faults = new Faults();
	rejectUnknownParameters(request, faults);
	const nodes = new Map<string, YamlNode>();
	for (const name of parameterNames) {
		const node = readParameter(request, name, faults);
		if (node !== undefined) nodes.set(name, node);
	}
	const fields = new Fields(nodes, "", faults);
	const known = new KnownStores(fields, environment);
	// After a text that is no YAML, what others say of it would only hide the one fault that counts.
	const objects = request.parameters.has("objects") && !fields.has("objects") ? undefined : readObjects(fields, known, request);
	const files = objects === undefined ? [] : readFiles(fields, objects, request.defaultMode);
	faults.throwIfAny(subject);
	return { stores: known.used, objects: (objects ?? []).map(({ planned }) => planned), files };
}

function readParameter(request: MountRequest, name: string, faults: Faults): YamlNode | undefined {
	const text = request.parameters.get(name);
	if (text === undefined) return undefined;
	try {
		return readYaml(text);
	} catch (error) {
		if (!(error instanceof YamlError)) throw error;
		faults.add(name, error.message, "Write plain YAML: lists, mappings and texts.");
		return undefined;
	}
}

function rejectUnknownParameters(request: MountRequest, faults: Faults): void {
	for (const name of request.parameters.keys()) {
		if (parameterNames.some((known) => known === name)) continue;
		const remedy = `Known here: ${parameterNames.join(", ")}. The pod's volumeAttributes count too.`;
		faults.add(quote(name).slice(1, -1), "is not a parameter of the provider claviger", remedy);
	}
}
