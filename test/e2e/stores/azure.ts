import { readFileSync } from "node:fs";
import type { JSONWebKeySet } from "jose";
import { type AzureServers, startAzure } from "../../servers/azure/azure.ts";
import { defaultTenant, exchangeAudience } from "../../servers/azure/entra/directory.ts";
import { Objects } from "../../servers/kubernetes/objects.ts";
import { nameHosts } from "../host-names.ts";
import type { RunningStore, StoreOffer, StorePlace } from "../store-case.ts";
import { type CaseTraits, token, UsualCase, usualFiles } from "../usual-case.ts";

const compatible = "azure";
const native = "azure-native";
const vault = "kv-e2e";
/** Who the pods are in each case: as the class says, and as their account's annotation says. */
const clients = { [compatible]: "5a1d2c60-0000-4000-8000-000000000001", [native]: "5a1d2c60-0000-4000-8000-000000000002" } as const;

/** Entra ID, which knows the cluster's keys, and a vault, both at their real names. */
export const offer: StoreOffer = {
	name: "azure",
	providers: ["azure"],
	audiences: [exchangeAudience],
	cases: [compatible, native],
	async start(place) {
		const azure = await startAzure(undefined);
		try {
			azure.vaults.add(vault);
			await trustPods(azure, place);
			const hostAliases = await nameHosts(place, {
				[new URL(azure.authority).host]: await azure.listenAsAuthority(),
				[azure.vaults.hostOf(vault)]: await azure.listenAsVault(vault),
			});
			return { ...(await describe(azure)), hostAliases };
		} catch (error) {
			await azure.stop();
			throw error;
		}
	},
};

/** Federates the accounts with both clients, and has them name one in their annotation. */
async function trustPods(azure: AzureServers, { cluster, namespaces }: StorePlace): Promise<void> {
	const issuer = { issuer: cluster.address, keys: (await cluster.jwks()) as JSONWebKeySet };
	const objects = new Objects(cluster);
	for (const client of Object.values(clients)) azure.vaults.allow(client, vault, { secrets: ["get"], keys: ["get"] });
	for (const namespace of namespaces) {
		const subject = `system:serviceaccount:${namespace}:default`;
		for (const client of Object.values(clients)) azure.directory.federate({ client, issuer, subject });
		const account = { apiVersion: "v1", kind: "ServiceAccount", namespace, name: "default" };
		await objects.change(account, { metadata: { annotations: { "azure.workload.identity/client-id": clients[native] } } });
	}
}

async function describe(azure: AzureServers): Promise<RunningStore> {
	return {
		policy: { stores: { [offer.name]: { type: "azure", vault, tenant: defaultTenant } } },
		values: { roleAnnotations: { enabled: true } },
		authority: readFileSync(azure.caFile, "utf8"),
		// Each client logs in; each case reads two secrets and a key.
		callsForAll: 4 * offer.cases.length,
		calls: () => azure.calls().length,
		cases: new Map([
			[compatible, await UsualCase.make(await compatibleTraits(azure))],
			[native, await UsualCase.make(await nativeTraits(azure))],
		]),
		stop: () => azure.stop(),
	};
}

/** A class as it is written for today's provider, which names the client; the secret is deleted. */
async function compatibleTraits(azure: AzureServers): Promise<CaseTraits> {
	const objects = [
		{ objectName: `${compatible}-app`, objectType: "secret", objectAlias: "password" },
		{ objectName: `${compatible}-app`, objectType: "secret", objectAlias: "nested/app" },
		{ objectName: `${compatible}-token`, objectType: "secret", objectAlias: "token" },
		{ objectName: `${compatible}-stays`, objectType: "key", objectAlias: "stays" },
	];
	const parameters = {
		keyvaultName: vault,
		tenantId: defaultTenant,
		clientID: clients[compatible],
		objects: JSON.stringify({ array: objects.map((object) => JSON.stringify(object)) }),
	};
	return {
		provider: "azure",
		parameters: () => parameters,
		onRevoked: "kept",
		refusal: /AADSTS700213/,
		stays: await makeKey(azure, `${compatible}-stays`),
		write: async (password) => {
			azure.vaults.putSecret(vault, `${compatible}-app`, password);
			return password;
		},
		revoke: async () => azure.vaults.delete(vault, "secrets", `${compatible}-token`),
		restore: async () => {
			azure.vaults.purge(vault, "secrets", `${compatible}-token`);
			azure.vaults.putSecret(vault, `${compatible}-token`, token);
		},
	};
}

/** A class of the own dialect, with the client of the account's annotation; the secret's version is disabled. */
async function nativeTraits(azure: AzureServers): Promise<CaseTraits> {
	const objects = [
		{ name: "app", store: offer.name, path: `${native}-app` },
		{ name: "token", store: offer.name, path: `${native}-token` },
		{ name: "stays", store: offer.name, path: `${native}-stays`, kind: "key" },
	];
	const parameters = { stores: `[${offer.name}]`, objects: JSON.stringify(objects), files: JSON.stringify(usualFiles) };
	azure.vaults.putSecret(vault, `${native}-token`, token);
	return {
		provider: "claviger",
		parameters: () => parameters,
		onRevoked: "removed",
		refusal: /azure\.workload\.identity\/client-id/,
		stays: await makeKey(azure, `${native}-stays`),
		write: async (password) => {
			const app = JSON.stringify({ user: "app", password });
			azure.vaults.putSecret(vault, `${native}-app`, app);
			return app;
		},
		revoke: async () => azure.vaults.change(vault, "secrets", `${native}-token`, { enabled: false }),
		restore: async () => azure.vaults.change(vault, "secrets", `${native}-token`, { enabled: true }),
	};
}

/** @returns the public part, as it is delivered */
async function makeKey(azure: AzureServers, name: string): Promise<string> {
	const { publicKey } = await azure.vaults.putKey(vault, name, { type: "EC" });
	if (publicKey === undefined) throw new Error("the key has no public part");
	return publicKey.export({ type: "spki", format: "pem" }).toString();
}
