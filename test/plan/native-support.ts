import type { MountRequest } from "../../provider/plan/mount-request.ts";
import { type ConfiguredStore, type NativeEnvironment, planNative } from "../../provider/plan/native/index.ts";
import { Secret } from "../../provider/shared/secret.ts";
import type { Found, Ref, Store, StoreInstance } from "../../provider/stores/store.ts";
import { makePod } from "../support/pods.ts";

function makeStore(type: string, endpoints: (address: string) => readonly string[]): Store {
	return {
		type,
		defaultAudience: `${type}-audience`,
		needsVerifiedToken: false,
		instance(name, fields): StoreInstance {
			const address = fields.text("address") ?? "";
			return { name, type, key: `${type}|${address}`, endpoints: endpoints(address), skipsTlsVerification: false, bringsOwnTrust: false };
		},
		role: (fields) => fields.text("role") ?? "",
		ref(fields, instance): Ref {
			return { key: JSON.stringify([instance.key, fields.required("path", "Write the path."), fields.text("version") ?? ""]) };
		},
		connect: () => Promise.reject(new Error("planning connects to nothing")),
	};
}

/** A store at an address, and one inside the process; they only read fields. */
const remote = makeStore("remote", (address) => [address]);
const local = makeStore("local", () => []);
const stores = new Map([remote, local].map((store) => [store.type, store]));

export function configuredStore(name: string, store: Store = local, role = "reader"): ConfiguredStore {
	const instance = {
		name,
		type: store.type,
		key: `${store.type}|${name}`,
		endpoints: [],
		skipsTlsVerification: false,
		bringsOwnTrust: false,
	};
	return { instance, store, audience: "company", role };
}

export function makeEnvironment(configured: Readonly<Record<string, ConfiguredStore>> = {}): NativeEnvironment {
	return { store: (type) => stores.get(type), storeTypes: [...stores.keys()], configured: new Map(Object.entries(configured)) };
}

export function makeRequest(parameters: Readonly<Record<string, string>>): MountRequest {
	return {
		provider: "claviger",
		pod: makePod(),
		tokens: new Map(),
		parameters: new Map(Object.entries(parameters)),
		credentials: new Map(),
		defaultMode: 0o644,
		targetPath: "/mnt/volume",
		currentVersions: new Map(),
		signal: new AbortController().signal,
	};
}

/** The parameter `stores` with one store at an address. */
export const oneStore = "main: {type: remote, address: https://store.example}";

export function plan(parameters: Readonly<Record<string, string>>, environment = makeEnvironment()) {
	return planNative(makeRequest({ stores: oneStore, ...parameters }), environment);
}

/** A value as a store gives it: JSON for anything but text and bytes. */
export function found(value: unknown): Found {
	if (typeof value === "string" || Buffer.isBuffer(value)) return { kind: "found", value: new Secret(value), structure: "bytes" };
	return { kind: "found", value: new Secret(JSON.stringify(value)), structure: "json" };
}

/** A value that is JSON text written by hand, with its digits and spaces. */
export function foundJson(text: string): Found {
	return { kind: "found", value: new Secret(text), structure: "json" };
}

/** Plans, and makes the files of the values; the result by path. */
export function render(parameters: Readonly<Record<string, string>>, values: Readonly<Record<string, Found>>): ReadonlyMap<string, Buffer> {
	const byName = new Map(Object.entries(values));
	return new Map(plan(parameters).files.flatMap((recipe) => recipe.produce(byName).map(({ path, contents }) => [path, contents] as const)));
}

/** The one file `f` of a `files` entry over objects named as the values are. */
export function renderFile(file: string, values: Readonly<Record<string, Found>>, path = "f"): Buffer {
	const objects = Object.keys(values).map((name) => `- {name: ${name}, path: p}`);
	return (
		render({ objects: objects.join("\n"), files: `- path: ${path}\n${file.replace(/^/gm, "  ")}` }, values).get(path) ??
		Buffer.from("no file")
	);
}
