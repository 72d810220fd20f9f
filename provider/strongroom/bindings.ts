import { createHmac, timingSafeEqual } from "node:crypto";
import { ProviderError } from "../errors.ts";
import { encodeFields } from "../shared/canonical.ts";
import { recordAct } from "./audit.ts";
import {
	describeAddress,
	namespaceProblem,
	patternCovers,
	patternProblem,
	reject,
	type SecretAddress,
	serviceAccountProblem,
} from "./names.ts";
import type { OpenStore } from "./open-store.ts";
import { bytesOf, DamagedRowError, optionalTextOf, type Row, type Rows, textOf } from "./storage.ts";
import type { Keyring } from "./unseal.ts";

/** A pod's identity, as Kubernetes proved it. */
export interface PodIdentity {
	readonly namespace: string;
	readonly serviceAccount: string;
}

/** Who may mount what. */
export interface Binding {
	readonly podNamespace: string;
	/** An exact name, or `*` for every service account of the namespace but `default`. */
	readonly serviceAccount: string;
	readonly namespace: string;
	/** An exact secret name, a prefix `shop/*`, or `*`. */
	readonly pattern: string;
	/** ISO 8601, UTC; it may mount before this time. */
	readonly expires?: string;
}

/** A binding as stored. A damaged one is of no effect. */
export interface StoredBinding extends Binding {
	readonly created: string;
	readonly actor: string;
	readonly damaged: boolean;
}

/** All bindings, and whether these are all that were written and nothing else. */
export interface BindingList {
	readonly bindings: readonly StoredBinding[];
	readonly intact: boolean;
}

/**
 * Whether a pod may have a secret. `unknown`: no binding says so, but the list is damaged, and a pod
 * must not lose its files because of damage.
 */
export function decide(list: BindingList, pod: PodIdentity, address: SecretAddress, now: Date): "allowed" | "denied" | "unknown" {
	const isAllowed = list.bindings.some((binding) => !binding.damaged && covers(binding, pod, address) && !isExpired(binding, now));
	if (isAllowed) return "allowed";
	return list.intact ? "denied" : "unknown";
}

function covers(binding: Binding, pod: PodIdentity, address: SecretAddress): boolean {
	if (binding.podNamespace !== pod.namespace || binding.namespace !== address.namespace) return false;
	// Every pod that names no service account runs as `default`, so it is never meant by a wildcard.
	const isSubject = binding.serviceAccount === "*" ? pod.serviceAccount !== "default" : binding.serviceAccount === pod.serviceAccount;
	return isSubject && patternCovers(binding.pattern, address.name);
}

export function isExpired(binding: Binding, now: Date): boolean {
	return binding.expires !== undefined && !(now.getTime() < Date.parse(binding.expires));
}

export async function listBindings(rows: Rows, keyring: Keyring): Promise<BindingList> {
	const stored = await rows.all("SELECT * FROM bindings ORDER BY pod_namespace, service_account, namespace, pattern, id");
	const [store] = await rows.all("SELECT bindings_seal FROM store");
	if (store === undefined) throw new DamagedRowError("the store's own row is missing");
	const bindings = stored.map((row) => toBinding(row, keyring));
	const isComplete = sameSeal(
		bytesOf(store, "bindings_seal"),
		listSeal(
			stored.map((row) => bytesOf(row, "seal")),
			keyring,
		),
	);
	return { bindings, intact: isComplete && !bindings.some((binding) => binding.damaged) };
}

function toBinding(row: Row, keyring: Keyring): StoredBinding {
	const expires = optionalTextOf(row, "expires");
	const binding = {
		podNamespace: textOf(row, "pod_namespace"),
		serviceAccount: textOf(row, "service_account"),
		namespace: textOf(row, "namespace"),
		pattern: textOf(row, "pattern"),
		...(expires === undefined ? {} : { expires }),
		created: textOf(row, "created"),
		actor: textOf(row, "actor"),
	};
	return { ...binding, damaged: !sameSeal(bytesOf(row, "seal"), bindingSeal(binding, keyring)) };
}

/**
 * Adds a binding, or gives the same one another expiry.
 *
 * @throws ProviderError `invalid`
 */
export async function bind(store: OpenStore, binding: Binding, actor: string): Promise<void> {
	checkBinding(binding);
	const stored = { ...binding, created: new Date().toISOString(), actor };
	await store.write(async (rows, keyring) => {
		await rows.run(
			`INSERT INTO bindings (pod_namespace, service_account, namespace, pattern, expires, created, actor, seal) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (pod_namespace, service_account, namespace, pattern)
			DO UPDATE SET expires = excluded.expires, created = excluded.created, actor = excluded.actor, seal = excluded.seal`,
			...[binding.podNamespace, binding.serviceAccount, binding.namespace, binding.pattern],
			...[binding.expires ?? null, stored.created, actor, bindingSeal(stored, keyring)],
		);
		await sealList(rows, keyring);
		const until = binding.expires === undefined ? "" : ` until ${binding.expires}`;
		await recordAct(rows, { actor, action: "bind", object: `${describeBinding(binding)}${until}` });
	});
}

/** @throws ProviderError `absent` when there is no such binding */
export async function unbind(store: OpenStore, binding: Binding, actor: string): Promise<void> {
	await store.write(async (rows, keyring) => {
		const removed = await rows.run(
			"DELETE FROM bindings WHERE pod_namespace = ? AND service_account = ? AND namespace = ? AND pattern = ?",
			...[binding.podNamespace, binding.serviceAccount, binding.namespace, binding.pattern],
		);
		if (removed === 0) {
			throw new ProviderError("absent", `There is no binding ${describeBinding(binding)}.`, {
				remedy: "See: claviger strongroom bindings",
			});
		}
		await sealList(rows, keyring);
		await recordAct(rows, { actor, action: "unbind", object: describeBinding(binding) });
	});
}

/** `shop/web may mount stripe (namespace shop)`, for messages and the audit. */
export function describeBinding(binding: Binding): string {
	const address = { namespace: binding.namespace, name: binding.pattern };
	return `${binding.podNamespace}/${binding.serviceAccount} may mount ${describeAddress(address)}`;
}

function checkBinding(binding: Binding): void {
	reject("The pod's namespace", binding.podNamespace, namespaceProblem(binding.podNamespace));
	reject("The service account", binding.serviceAccount, serviceAccountProblem(binding.serviceAccount));
	reject("The namespace", binding.namespace, namespaceProblem(binding.namespace));
	reject("The secret name or prefix", binding.pattern, patternProblem(binding.pattern));
}

/** Seals the list as a whole, so that a binding put back or taken away by other means is noticed. */
export async function sealList(rows: Rows, keyring: Keyring): Promise<void> {
	const stored = await rows.all("SELECT seal FROM bindings ORDER BY pod_namespace, service_account, namespace, pattern, id");
	await rows.run(
		"UPDATE store SET bindings_seal = ?",
		listSeal(
			stored.map((row) => bytesOf(row, "seal")),
			keyring,
		),
	);
}

function listSeal(seals: readonly Buffer[], keyring: Keyring): Buffer {
	return authenticate(keyring, ["claviger/strongroom/bindings/1", keyring.storeId, ...seals]);
}

function bindingSeal(binding: Binding & { readonly created: string; readonly actor: string }, keyring: Keyring): Buffer {
	const { podNamespace, serviceAccount, namespace, pattern, expires, created, actor } = binding;
	const fields = [keyring.storeId, podNamespace, serviceAccount, namespace, pattern, expires ?? "", created, actor];
	return authenticate(keyring, ["claviger/strongroom/binding/1", ...fields]);
}

function authenticate(keyring: Keyring, fields: readonly (string | Buffer)[]): Buffer {
	return createHmac("sha256", keyring.integrityKey).update(encodeFields(fields)).digest();
}

function sameSeal(given: Buffer, expected: Buffer): boolean {
	return given.length === expected.length && timingSafeEqual(given, expected);
}
