import { parseAllDocuments } from "yaml";
import { ProviderError } from "../../errors.ts";
import { Faults } from "../../plan/faults.ts";

/** The name of the driver's CSIDriver object. */
export const driverName = "secrets-store.csi.k8s.io";

/** What the driver reads of a SecretProviderClass. */
export interface SecretProviderClass {
	readonly name: string;
	readonly provider: string;
	readonly parameters: ReadonlyMap<string, string>;
}

/** What kubelet tells the driver of a pod and its volume. */
export interface PodVolume {
	readonly name: string | undefined;
	readonly namespace: string | undefined;
	readonly uid: string | undefined;
	readonly serviceAccount: string | undefined;
	/** `csi.volumeAttributes` of the volume. */
	readonly attributes: ReadonlyMap<string, string>;
}

type Mapping = ReadonlyMap<unknown, unknown>;

/**
 * Picks a SecretProviderClass out of a manifest of one or several documents, or of a `List`.
 *
 * @param name which one; undefined when there is only one
 * @throws ProviderError `invalid`
 */
export function readSecretProviderClass(text: string, file: string, name: string | undefined): SecretProviderClass {
	const classes = objectsOfKind(text, file, "SecretProviderClass");
	const named = name === undefined ? classes : classes.filter((found) => textAt(found, "metadata", "name") === name);
	const [chosen, ...others] = named;
	if (chosen === undefined) {
		throw new ProviderError("invalid", `${file} holds no SecretProviderClass${name === undefined ? "" : ` ${JSON.stringify(name)}`}.`, {
			remedy: classes.length === 0 ? "Give a manifest of that kind." : `It holds ${namesOf(classes)}.`,
		});
	}
	if (others.length > 0) {
		throw new ProviderError("invalid", `${file} holds ${named.length} SecretProviderClasses: ${namesOf(named)}.`, {
			remedy: "Choose one with --name.",
		});
	}
	return toClass(chosen, file);
}

/**
 * Reads the first Pod of a manifest and the volume of it that mounts a class.
 *
 * @param className the class's name; undefined when the pod has one volume of the driver and that says it
 * @throws ProviderError `invalid`
 */
export function readPodVolume(text: string, file: string, className: string | undefined): PodVolume {
	const [pod, ...others] = objectsOfKind(text, file, "Pod");
	if (pod === undefined || others.length > 0) {
		throw new ProviderError("invalid", `${file} holds ${others.length === 0 ? "no Pod" : `${others.length + 1} Pods`}.`, {
			remedy: "Give a manifest with one object of kind Pod.",
		});
	}
	const faults = new Faults();
	const volume = driverVolume(pod, file, className);
	const found: PodVolume = {
		name: textAt(pod, "metadata", "name"),
		namespace: textAt(pod, "metadata", "namespace"),
		uid: textAt(pod, "metadata", "uid"),
		serviceAccount: textAt(pod, "spec", "serviceAccountName"),
		attributes: textMap(at(volume, "csi", "volumeAttributes"), "volumeAttributes", faults),
	};
	faults.throwIfAny(file);
	return found;
}

function toClass(found: Mapping, file: string): SecretProviderClass {
	const faults = new Faults();
	const name = textAt(found, "metadata", "name") ?? "";
	const provider = textAt(found, "spec", "provider") ?? "";
	if (provider === "") faults.add("spec.provider", "is not set");
	// The driver's own rule: the name becomes part of a path.
	if (!/^[a-zA-Z0-9_-]{0,30}$/.test(provider))
		faults.add("spec.provider", "is not a provider name", "Write up to 30 of a-z, A-Z, 0-9, _ and -.");
	const parameters = textMap(at(found, "spec", "parameters"), "spec.parameters", faults);
	if (parameters.size === 0 && !faults.any) faults.add("spec.parameters", "is not set", "The driver refuses a class without parameters.");
	faults.throwIfAny(`${file}, SecretProviderClass ${JSON.stringify(name)}`);
	return { name, provider, parameters };
}

function driverVolume(pod: Mapping, file: string, className: string | undefined): unknown {
	const volumes = at(pod, "spec", "volumes");
	const ours = (Array.isArray(volumes) ? volumes : []).filter((volume: unknown) => textAt(volume, "csi", "driver") === driverName);
	const classOf = (volume: unknown) => textAt(volume, "csi", "volumeAttributes", "secretProviderClass");
	const chosen = className === undefined ? ours : ours.filter((volume) => classOf(volume) === className);
	if (chosen.length === 1) return chosen[0];
	const wanted = className === undefined ? "" : ` for the SecretProviderClass ${JSON.stringify(className)}`;
	throw new ProviderError("invalid", `The Pod in ${file} has ${chosen.length} volumes of ${driverName}${wanted}.`, {
		remedy:
			chosen.length === 0
				? `Its volumes mount ${ours.map(classOf).join(", ") || "no class"}.`
				: "Choose the class with --name, or leave one volume.",
	});
}

function objectsOfKind(text: string, file: string, kind: string): readonly Mapping[] {
	return readDocuments(text, file)
		.flatMap((value) => {
			const items = at(value, "items");
			return textAt(value, "kind")?.endsWith("List") && Array.isArray(items) ? (items as readonly unknown[]) : [value];
		})
		.filter((value): value is Mapping => value instanceof Map && value.get("kind") === kind);
}

/** Mappings come as Maps, so that no key of a manifest has a meaning to JavaScript. */
function readDocuments(text: string, file: string): readonly unknown[] {
	try {
		return parseAllDocuments(text, { logLevel: "silent" }).map((document): unknown => {
			if (document.errors[0] !== undefined) throw document.errors[0];
			return document.toJS({ mapAsMap: true });
		});
	} catch (error) {
		const reason = error instanceof Error ? error.message.split("\n", 1)[0] : "";
		throw new ProviderError("invalid", `${file} is not YAML that can be read: ${reason}`);
	}
}

/** A mapping of texts. The API server refuses other values, which YAML makes out of an unquoted `true` or `1`. */
function textMap(node: unknown, path: string, faults: Faults): ReadonlyMap<string, string> {
	const texts = new Map<string, string>();
	if (node === undefined || node === null) return texts;
	if (!(node instanceof Map)) {
		faults.add(path, "is not a mapping", "Write `name: value` lines below it.");
		return texts;
	}
	for (const [key, value] of node as Mapping) {
		if (typeof key === "string" && typeof value === "string") texts.set(key, value);
		else faults.add(`${path}.${String(key)}`, "is not a text, and the API server refuses it", "Put it in quotes.");
	}
	return texts;
}

function at(node: unknown, ...keys: readonly string[]): unknown {
	return keys.reduce<unknown>((inner, key) => (inner instanceof Map ? (inner as Mapping).get(key) : undefined), node);
}

function textAt(node: unknown, ...keys: readonly string[]): string | undefined {
	const value = at(node, ...keys);
	return typeof value === "string" ? value : undefined;
}

function namesOf(classes: readonly Mapping[]): string {
	return classes.map((found) => textAt(found, "metadata", "name") ?? "one without a name").join(", ");
}
