import { ProviderError } from "../../errors.ts";
import { Faults } from "../../plan/faults.ts";
import { type Fields, quote } from "../../plan/fields.ts";
import type { FileRecipe, MountPlan, PlannedObject, PlannedStore } from "../../plan/mount-plan.ts";
import type { MountRequest } from "../../plan/mount-request.ts";
import { goQuote } from "../../shared/go-text.ts";
import type { Dialect } from "../module.ts";
import { type CiphertextPlace, isCiphertext, kmsRefreshSeconds, readCiphertextEntry } from "./ciphertext.ts";
import { readEntries } from "./entries.ts";
import { entryFields, fileOf, type GcpEntry, legacyEntry } from "./entry.ts";
import { contentsOf } from "./extraction.ts";
import {
	type GcpInstance,
	type GcpOptions,
	type IdentityKind,
	makeGcpInstance,
	missingOption,
	poolRemedy,
	readOptions,
} from "./instance.ts";
import { keyFileName } from "./key-file.ts";
import { makeResourceRef } from "./ref.ts";
import { isNumbered, readResource } from "./resource.ts";

const authPrefix = "unable to obtain auth for mount: ";

/**
 * How long a numbered version is kept before it is asked for again, in seconds. It never changes, so asking anew serves
 * one purpose: that a version that was disabled, or a withdrawn right, takes effect.
 */
const numberedRefreshSeconds = 600;

/** The administrator's side of the dialect. */
interface Defaults {
	readonly options: GcpOptions;
	/** Empty: the pool's own. */
	readonly audience: string;
}

/**
 * The dialect `gcp`: SecretProviderClasses of secrets-store-csi-driver-provider-gcp 1.15.
 *
 * @param fields what that provider takes from its environment, and more, under the names of the native dialect
 */
export function makeGcpDialect(name: string, fields: Fields): Dialect {
	const defaults = { options: readOptions(fields), audience: fields.text("audience") ?? "" };
	// An administrator's fault shows when the policy is read, not at somebody's Mount.
	makeGcpInstance({ name, ...defaults.options }, (option, message, remedy) => fields.reject(option, message, remedy));
	const isWhole = missingOption(defaults.options) === undefined;
	return {
		name,
		objectsParameter: "secrets",
		objectFields: entryFields,
		...(isWhole
			? {
					usualStore: () =>
						planStore(
							makeGcpInstance({ name, ...defaults.options }, () => undefined),
							defaults,
						),
				}
			: {}),
		plan: (request) => planMount(request, defaults),
	};
}

function planMount(request: MountRequest, defaults: Defaults): MountPlan {
	const faults = new Faults();
	const identity = readIdentity(request, defaults.options, faults);
	const instance = makeGcpInstance({ name: "gcp", ...defaults.options, identity }, () => undefined);
	const entries = readEntries(request.parameters.get("secrets"), faults);
	const objects = planObjects(entries, defaults.options, faults);
	faults.throwIfAny("The SecretProviderClass parameters");
	const byName = new Map(entries.toReversed().map((entry) => [objectName(entry), entry]));
	return {
		stores: [planStore(instance, defaults)],
		objects,
		files: entries.map((entry) => planFile(entry, request.defaultMode)),
		explain: (object, error) => explain(byName.get(object.name), error),
	};
}

/** Who a class logs in as; with nothing said, as the pod, or with a key file where that is allowed and there. */
function readIdentity({ parameters, credentials }: MountRequest, { identity, allowKeyFiles }: GcpOptions, faults: Faults): IdentityKind {
	const auth = parameters.get("auth") ?? "";
	const bringsKey = allowKeyFiles && credentials.has(keyFileName);
	if (auth !== "" && auth !== "pod-adc" && auth !== "provider-adc") {
		const legacyText = `unknown auth configuration: ${goQuote(auth)}`;
		faults.addLegacy(legacyText, "auth", `is ${quote(auth)}`, "Write pod-adc or provider-adc, or remove it.");
	} else if (auth !== "" && bringsKey) {
		const legacyText = `attempting to set both nodePublishSecretRef and ${auth} auth`;
		faults.addLegacy(legacyText, "auth", `is ${auth}, and nodePublishSecretRef brings key.json`, "Keep one of the two.");
	}
	if (bringsKey) return "key";
	if (auth === "") return identity;
	return auth === "provider-adc" ? "node" : "pod";
}

/** A class names neither addresses nor pools: those are Google's own, or the administrator's. */
function planStore(instance: GcpInstance, { audience }: Defaults): PlannedStore {
	return {
		instance,
		audience: audience || (instance.defaultAudience ?? ""),
		// The service account's annotation names it, if anything does.
		role: "",
		origin: "policy",
		audienceOrigin: "policy",
		addressParameter: "secrets",
		audienceParameter: "auth",
		...(missingOption(instance) === undefined ? {} : { lacks: unknownCluster() }),
		missingTokenText: (bringsOthers) => {
			const text = bringsOthers ? "no token has audience value of idPool" : "no tokens were sent";
			return `${authPrefix}unable to obtain workload identity auth: unable to fetch SA token from driver: ${text}`;
		},
	};
}

function unknownCluster(): ProviderError {
	return new ProviderError("invalid", "The administrator has not named the cluster, as which pods log in to Google.", {
		remedy: `In the policy file, under dialects.gcp: ${poolRemedy}`,
		stage: "login",
	});
}

/** Entries of one resource are one object: its version is one, however many files are made of it. */
function planObjects(entries: readonly GcpEntry[], place: CiphertextPlace, faults: Faults): readonly PlannedObject[] {
	return [...Map.groupBy(entries, objectName).values()].flatMap(([entry]) => {
		if (entry === undefined) return [];
		if (isCiphertextEntry(entry)) return [planCiphertext(entry, place, faults)];
		const { path, resourceName } = entry;
		const resource = readResource(resourceName);
		if (!("kind" in resource)) {
			const message = resourceName === "" ? "is missing" : `is ${quote(resourceName)}, which ${resource.problem}`;
			faults.addLegacy(legacyEntry(entry, resource.legacyText), `${path}.resourceName`, message, resource.remedy);
			return [];
		}
		const ref = makeResourceRef(resource.kind, resource);
		const refresh = resource.kind === "secret" && isNumbered(resource.version) ? { refreshSeconds: numberedRefreshSeconds } : {};
		return [{ name: resourceName, path, store: 0, ref, optional: false, ...refresh }];
	});
}

function planCiphertext(entry: GcpEntry, place: CiphertextPlace, faults: Faults): PlannedObject {
	const ref = readCiphertextEntry(entry, place, faults);
	return { name: objectName(entry), path: entry.path, store: 0, ref, optional: false, refreshSeconds: kmsRefreshSeconds };
}

function isCiphertextEntry({ resourceName, ciphertext }: GcpEntry): boolean {
	return isCiphertext(resourceName, ciphertext.has("ciphertext"));
}

/** A resource is one object; a key has many values, which their files tell apart. */
function objectName(entry: GcpEntry): string {
	return isCiphertextEntry(entry) ? `${entry.resourceName}#${fileOf(entry)}` : entry.resourceName;
}

function planFile(entry: GcpEntry, defaultMode: number): FileRecipe {
	const file = { path: fileOf(entry), mode: entry.mode === 0 ? defaultMode : entry.mode };
	return {
		path: entry.path,
		objects: [objectName(entry)],
		file,
		produce(values) {
			const found = values.get(objectName(entry));
			return found === undefined ? [] : [{ ...file, contents: contentsOf(found, entry) }];
		},
	};
}

/** A failed read or login in the words of today's provider. */
function explain(entry: GcpEntry | undefined, error: ProviderError): string | undefined {
	if (error.stage === "login") return error.legacyText === undefined ? undefined : `${authPrefix}${error.legacyText}`;
	return entry === undefined || error.legacyText === undefined ? error.legacyText : legacyEntry(entry, error.legacyText);
}
