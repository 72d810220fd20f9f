import type { ProviderError } from "../../errors.ts";
import { Faults } from "../../plan/faults.ts";
import type { Fields } from "../../plan/fields.ts";
import type { MountPlan, PlannedObject, PlannedStore } from "../../plan/mount-plan.ts";
import type { MountRequest } from "../../plan/mount-request.ts";
import type { Dialect } from "../module.ts";
import { type AzureOptions, audiences, makeAzureInstance, readOptions } from "./instance.ts";
import { aboutObject, loginPrefix, missingToken, mountPrefix } from "./legacy-texts.ts";
import type { AzureObject, ObjectSwitches } from "./object.ts";
import { checkType } from "./object-checks.ts";
import { objectFields } from "./object-entry.ts";
import { recipeOf } from "./object-files.ts";
import { PlannedVersions } from "./object-versions.ts";
import { readObjects } from "./objects.ts";
import { type AzureParameters, planInstance, readParameters } from "./parameters.ts";

/** What the administrator says once for all classes. */
interface Defaults extends ObjectSwitches {
	readonly options: AzureOptions;
}

/**
 * The dialect `azure`: SecretProviderClasses of secrets-store-csi-driver-provider-azure 1.8.
 *
 * @param fields the administrator's defaults: what that provider takes as flags, and more, under the names of the native dialect
 */
export function makeAzureDialect(name: string, fields: Fields): Dialect {
	const defaults = readDefaults(name, fields);
	const { vault, tenant } = defaults.options;
	// Without both, there is no vault that a class could fall back on.
	const isWhole = vault !== "" && tenant !== "";
	return {
		name,
		objectFields,
		...(isWhole ? { usualStore: () => planStore(readParameters(new Map(), defaults.options, new Faults()), new Faults()) } : {}),
		plan: (request) => planMount(request, defaults),
	};
}

function readDefaults(name: string, fields: Fields): Defaults {
	const options = readOptions(fields);
	if (options.address !== "")
		fields.reject("address", "would be that of every vault", "Write vaultSuffix, or configure the vault under stores.");
	if (fields.has("identity")) fields.reject("identity", "is for the classes to say", "Remove it.");
	// An administrator's fault shows when the policy is read, not at somebody's Mount.
	makeAzureInstance({ name, ...options }, (option, message, remedy) => fields.reject(option, message, remedy));
	return {
		options,
		allowUnboundKms: options.allowUnboundKms,
		constructPemChain: fields.boolean("constructPemChain", true),
		writeCertAndKeyInSeparateFiles: fields.boolean("writeCertAndKeyInSeparateFiles"),
	};
}

function planMount(request: MountRequest, defaults: Defaults): MountPlan {
	const faults = new Faults();
	const parameters = readParameters(request.parameters, defaults.options, faults);
	const objects = readObjects((request.parameters.get("objects") ?? "").trim(), defaults, faults);
	const store = planStore(parameters, faults);
	for (const { entry } of objects) checkType(entry, faults);
	faults.throwIfAny("The SecretProviderClass parameters");
	const versions = new PlannedVersions();
	const named = objects.map((object) => [object, versions.add(object)] as const);
	const byName = new Map(named.flatMap(([object, names]) => names.map((name) => [name, object] as const)));
	return {
		stores: [store],
		objects: versions.planned,
		files: named.map(([object, [name = ""]]) => recipeOf(object, name, request.defaultMode)),
		explain: (object, error) => explain(object, byName, error),
	};
}

/** A class chooses vaults and clouds by name, never addresses: those follow from the names, or are the administrator's. */
function planStore({ options, role }: AzureParameters, faults: Faults): PlannedStore {
	const instance = planInstance(options, faults);
	return {
		instance,
		audience: instance.defaultAudience ?? audiences.exchange,
		role,
		origin: "policy",
		audienceOrigin: "policy",
		addressParameter: "keyvaultName",
		audienceParameter: "useAzureTokenProxy",
		missingTokenText: (bringsOthers) => missingToken(instance, bringsOthers),
	};
}

/** A failed read or login in the words of today's provider, where it has any. */
function explain({ name }: PlannedObject, objects: ReadonlyMap<string, AzureObject>, { legacyText }: ProviderError): string | undefined {
	const object = objects.get(name);
	if (legacyText === undefined || object === undefined) return undefined;
	return legacyText.startsWith(loginPrefix) ? `${mountPrefix}${legacyText}` : aboutObject(object.entry, legacyText);
}
