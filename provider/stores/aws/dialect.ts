import { audiences } from "../../aws/endpoints.ts";
import type { ProviderError } from "../../errors.ts";
import { Faults } from "../../plan/faults.ts";
import type { Fields } from "../../plan/fields.ts";
import type { MountPlan, PlannedObject, PlannedStore } from "../../plan/mount-plan.ts";
import type { MountRequest } from "../../plan/mount-request.ts";
import type { Dialect } from "../module.ts";
import { kmsRefreshSeconds } from "./ciphertext.ts";
import { objectFields } from "./entry.ts";
import { type AwsInstance, type AwsOptions, makeAwsInstance, readOptions } from "./instance.ts";
import { missingToken, notFetched } from "./legacy-texts.ts";
import type { AwsFile, AwsObject } from "./object.ts";
import { readObjects } from "./objects.ts";
import { readParameters } from "./parameters.ts";
import { recipesOf } from "./recipes.ts";

/**
 * The dialect `aws`: SecretProviderClasses of secrets-store-csi-driver-provider-aws 3.1.
 *
 * @param defaults what that provider takes from its environment, and more, under the names of the native dialect
 */
export function makeAwsDialect(name: string, defaults: Fields): Dialect {
	const options = readOptions(defaults);
	// An administrator's fault shows when the policy is read, not at somebody's Mount.
	makeAwsInstance({ name, ...options }, (option, message, remedy) => defaults.reject(option, message, remedy));
	return {
		name,
		objectFields,
		ignoresCase: true,
		usualStore: () => planStore(readParameters(new Map(), options, new Faults()).instance),
		plan: (request) => planMount(request, options),
	};
}

function planMount(request: MountRequest, defaults: AwsOptions): MountPlan {
	const faults = new Faults();
	const parameters = readParameters(request.parameters, defaults, faults);
	const objects = readObjects(request.parameters.get("objects") ?? "", parameters, faults);
	faults.throwIfAny("The SecretProviderClass parameters");
	const names = new Map(objects.flatMap((object) => object.files.map(({ file }) => [file, object] as const)));
	return {
		stores: [planStore(parameters.instance)],
		objects: objects.flatMap((object) => object.files.map((file) => planObject(object, file))),
		files: objects.flatMap((object) => recipesOf(object, request.defaultMode)),
		explain: ({ name }, error) => explain(names.get(name), error),
	};
}

/** A class chooses regions, never addresses: those follow from the regions, or are the administrator's. */
function planStore(instance: AwsInstance): PlannedStore {
	return {
		instance,
		audience: audiences[instance.identity],
		// The service account's annotation names it, or the Pod Identity association.
		role: "",
		origin: "policy",
		audienceOrigin: "policy",
		addressParameter: "region",
		audienceParameter: "usePodIdentity",
		missingTokenText: (bringsOthers) => missingToken(instance, bringsOthers),
	};
}

/** Every file has a version, as in today's provider, so every file is an object of the plan; the store is asked once for all of one ref. */
function planObject({ ref }: AwsObject, { path, file }: AwsFile): PlannedObject {
	const refresh = ref.kind === "ciphertext" ? { refreshSeconds: kmsRefreshSeconds } : {};
	return { name: file, path, store: 0, ref, optional: false, ...refresh };
}

/** A failed read or login in the words of today's provider, where it has any. */
function explain(object: AwsObject | undefined, error: ProviderError): string | undefined {
	return error.legacyText ?? (object === undefined ? undefined : notFetched(object.ref, object.name));
}
