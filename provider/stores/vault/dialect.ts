import type { ProviderError } from "../../errors.ts";
import { Faults } from "../../plan/faults.ts";
import type { Fields } from "../../plan/fields.ts";
import type { FileRecipe, MountPlan, PlannedObject, PlannedStore } from "../../plan/mount-plan.ts";
import type { MountRequest } from "../../plan/mount-request.ts";
import { goQuote } from "../../shared/go-text.ts";
import type { Dialect } from "../module.ts";
import type { Found } from "../store.ts";
import { objectContent } from "./content.ts";
import { makeInstance, readOptions, type VaultInstance, type VaultOptions } from "./instance.ts";
import { objectFields, type VaultObject } from "./object.ts";
import { checkObjects, readObjects } from "./objects.ts";
import { type Naming, namings, VaultParameters } from "./parameters.ts";

/** Where today's providers look for a server when nobody says where it is. */
const builtInAddress = "https://127.0.0.1:8200";
/** How every text of today's providers begins that is about reading. */
const readPrefix = "error making mount request: ";

/**
 * The dialect `vault` or `openbao`: SecretProviderClasses of vault-csi-provider 1.7 and openbao-csi-provider 2.0.
 *
 * @param defaults what those take as process flags, under the names of the native dialect
 */
export function makeDialect(name: string, defaults: Fields): Dialect {
	const naming = namings.get(name);
	if (naming === undefined) throw new Error(`the Vault store has no dialect ${name}`);
	const options = readOptions(defaults);
	checkDefaults(options, defaults);
	const usualStore = () => {
		const parameters = new VaultParameters(new Map(), naming);
		return planStore(parameters, planInstance(parameters, options, new Faults()), "", options);
	};
	return { name, objectFields, usualStore, plan: (request) => planMount(request, naming, options) };
}

/** An administrator's fault shows when the policy is read, not at somebody's Mount. */
function checkDefaults(options: VaultOptions, defaults: Fields): void {
	const address = options.address || builtInAddress;
	makeInstance("defaults", { ...options, address }, (option, message, remedy) => defaults.reject(option, message, remedy));
}

function planMount(request: MountRequest, naming: Naming, defaults: VaultOptions): MountPlan {
	const faults = new Faults();
	const parameters = new VaultParameters(request.parameters, naming);
	const options = parameters.options(defaults, faults);
	const list = readObjects(parameters.text("objects"), faults);
	const role = parameters.role();
	if (role === "") {
		const legacyText = "missing 'roleName' in SecretProviderClass definition";
		faults.addLegacy(legacyText, "roleName", "is missing", "Name the role that the pods log in with.");
	}
	checkObjects(list, faults);
	const instance = planInstance(parameters, options, faults);
	for (const { path, message, remedy, legacyText } of list.findings) {
		if (legacyText === undefined) faults.add(path, message, remedy);
		else faults.addLegacy(legacyText, path, message, remedy);
	}
	faults.throwIfAny("The SecretProviderClass parameters");
	const contents = list.objects.map((object) => ({ object, read: memoized((found) => objectContent(found, object.selection)) }));
	return {
		stores: [planStore(parameters, instance, role, defaults)],
		objects: contents.map(({ object, read }) => planObject(object, read)),
		files: contents.map(({ object, read }) => makeRecipe(object, read, request.defaultMode)),
		explain,
	};
}

function planInstance(parameters: VaultParameters, options: VaultOptions, faults: Faults): VaultInstance {
	const address = options.address || builtInAddress;
	return makeInstance("vault", { ...options, address }, (option, message, remedy) =>
		faults.add(parameters.nameOf(option), message, remedy),
	);
}

function planStore(parameters: VaultParameters, instance: VaultInstance, role: string, defaults: VaultOptions): PlannedStore {
	return {
		instance,
		audience: parameters.audience(),
		role,
		origin: isAdministrators(instance, defaults) ? "policy" : "parameters",
		audienceOrigin: "parameters",
		addressParameter: parameters.nameOf("address"),
		audienceParameter: "audience",
	};
}

/**
 * Whether the administrator answers for the server: its address is the configured one (a class may repeat it),
 * and the class has not switched off the verification that the administrator wants.
 */
function isAdministrators(instance: VaultInstance, defaults: VaultOptions): boolean {
	if (defaults.address === "" || (instance.skipsTlsVerification && !defaults.skipTlsVerify)) return false;
	const configured = makeInstance("defaults", defaults, () => undefined);
	return instance.address.text === configured.address.text;
}

type ReadContent = (found: Found) => Buffer;

/** File and version need the same bytes of the same answer; they are made once. */
function memoized(read: ReadContent): ReadContent {
	const known = new WeakMap<Found, Buffer>();
	return (found) => {
		const content = known.get(found) ?? read(found);
		known.set(found, content);
		return content;
	};
}

function planObject(object: VaultObject, read: ReadContent): PlannedObject {
	const configuration = Buffer.from(object.configuration);
	return {
		name: object.name,
		path: object.path,
		store: 0,
		ref: object.ref,
		optional: false,
		versionedContent: (found) => Buffer.concat([configuration, read(found)]),
	};
}

function makeRecipe(object: VaultObject, read: ReadContent, defaultMode: number): FileRecipe {
	const file = { path: object.name, mode: object.mode ?? defaultMode };
	return {
		path: object.path,
		objects: [object.name],
		file,
		produce(values) {
			const found = values.get(object.name);
			return found === undefined ? [] : [{ ...file, contents: read(found) }];
		},
	};
}

/** A failed read or login in the words of today's providers; what they have no words for keeps ours. */
function explain(object: PlannedObject, error: ProviderError): string {
	const said = error.legacyText ?? error.message;
	if (error.stage === "login") return `${readPrefix}couldn't read secret ${goQuote(object.name)}: failed to login: ${said}`;
	if (error.stage === "read") return `${readPrefix}couldn't read secret ${goQuote(object.name)}: error requesting secret: ${said}`;
	return said.startsWith(readPrefix) ? said : `${readPrefix}${said}`;
}
