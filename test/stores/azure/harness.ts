import type { ExecutionContext } from "ava";
import { ProviderError } from "../../../provider/errors.ts";
import { Faults } from "../../../provider/plan/faults.ts";
import { Fields } from "../../../provider/plan/fields.ts";
import type { Pod } from "../../../provider/plan/mount-request.ts";
import { readYaml } from "../../../provider/plan/yaml.ts";
import { Secret } from "../../../provider/shared/secret.ts";
import { module } from "../../../provider/stores/azure/index.ts";
import type { AzureInstance } from "../../../provider/stores/azure/instance.ts";
import { makeStoredRef, type StoredRef } from "../../../provider/stores/azure/ref.ts";
import type { Failed, Identity, Outcome, Session, StoreContext } from "../../../provider/stores/store.ts";
import { type AzureOptions, type AzureServers, startAzure } from "../../servers/azure/azure.ts";
import { defaultTenant } from "../../servers/azure/entra/directory.ts";
import type { Permissions } from "../../servers/azure/vault/vault.ts";
import { makePod } from "../../support/pods.ts";
import { createTokenIssuer, type TokenIssuer } from "../../support/token-issuer.ts";

export const vault = "kv-main";
export const everything: Permissions = { secrets: ["get", "list"], keys: ["get", "list"], certificates: ["get", "list"] };

/** One issuer for all tests of a file: making its keys takes longer than most of them. */
export const issuer: TokenIssuer = await createTokenIssuer();

/** The stand-ins, and an instance that asks them at addresses of loopback. */
export interface Bench {
	readonly azure: AzureServers;
	instance(options?: Readonly<Record<string, unknown>>): AzureInstance;
}

export async function openBench(t: ExecutionContext<unknown>, options: AzureOptions = {}): Promise<Bench> {
	const azure = await startAzure(t, options);
	azure.vaults.add(vault);
	const [address, authority] = await Promise.all([azure.listenAsVault(vault), azure.listenAsAuthority()]);
	const usual = { vault, tenant: defaultTenant, address, authority, caFile: azure.caFile };
	return { azure, instance: (changes = {}) => makeInstance({ ...usual, ...changes }) };
}

/** Fields as the policy file brings them. */
export function fieldsOf(options: Readonly<Record<string, unknown>>): Fields {
	const node = readYaml(JSON.stringify(options));
	return new Fields(node instanceof Map ? node : new Map(), "stores.main", new Faults());
}

export function makeInstance(options: Readonly<Record<string, unknown>>): AzureInstance {
	const fields = fieldsOf(options);
	const instance = module.store.instance("main", fields);
	fields.faults.throwIfAny("The entry");
	return instance as AzureInstance;
}

/** A service account with a client of its own, and the pod that runs as it. */
export function makeAccount({ azure }: Bench, serviceAccount: string, permissions = everything) {
	const client = `client-of-${serviceAccount}`;
	azure.directory.federate({ client, issuer, subject: `system:serviceaccount:shop:${serviceAccount}` });
	azure.vaults.allow(client, vault, permissions);
	return { pod: makePod({ namespace: "shop", serviceAccount }), role: client };
}

export interface SessionOptions {
	readonly pod: Pod;
	readonly role?: string;
	readonly token?: string;
	readonly credentials?: Readonly<Record<string, string>>;
	readonly context?: Partial<StoreContext>;
}

/** Logs in as the broker does. */
export async function connect(
	instance: AzureInstance,
	{ pod, role = "", token, credentials = {}, context }: SessionOptions,
): Promise<Session> {
	const audience = instance.defaultAudience ?? module.store.defaultAudience;
	const { namespace, serviceAccount } = pod;
	const identity: Identity = { key: JSON.stringify([namespace, serviceAccount, role]), audience, namespace, serviceAccount, role };
	return module.store.connect(instance, identity, {
		token: new Secret(token ?? (await issuer.token(pod, { audience }))),
		credentials: new Map(Object.entries(credentials).map(([name, value]) => [name, new Secret(value)])),
		signal: AbortSignal.timeout(60_000),
		schedule: (task) => task(),
		once: (make) => make(),
		allowsAddress: () => true,
		...context,
	});
}

/** What an instance shares, as the broker keeps it. */
export function kept(): StoreContext["once"] {
	let made: { readonly value: unknown } | undefined;
	return <T>(make: () => T) => {
		made ??= { value: make() };
		return made.value as T;
	};
}

/** A ref of a secret's text, unless the parts say otherwise. */
export function refOf(name: string, parts: Partial<Omit<StoredRef, "key" | "name">> = {}): StoredRef {
	return makeStoredRef({ kind: "secret", version: "", history: 0, form: "plain", ...parts, name });
}

export function read(session: Session, ...refs: readonly StoredRef[]): Promise<readonly (Outcome | Failed)[]> {
	return session.read(refs, AbortSignal.timeout(60_000));
}

/** What an outcome says: the value, or the error's code. */
export function told(outcome: Outcome | Failed | undefined): string {
	if (outcome === undefined) return "nothing";
	return outcome.kind === "found" ? outcome.value.reveal().toString() : outcome.error.code;
}

/** The error of a login that fails, or of the first read after it. */
export async function failureOf(instance: AzureInstance, options: SessionOptions, ref = refOf("db")): Promise<ProviderError> {
	try {
		const [outcome] = await read(await connect(instance, options), ref);
		if (outcome !== undefined && outcome.kind !== "found") return outcome.error;
	} catch (error) {
		if (error instanceof ProviderError) return error;
		throw error;
	}
	throw new Error("nothing failed");
}
