import type { ExecutionContext } from "ava";
import { type AzureServers, startAzure } from "../../servers/azure/azure.ts";
import { defaultTenant, exchangeAudience } from "../../servers/azure/entra/directory.ts";
import { createTokenIssuer } from "../../support/token-issuer.ts";
import type { StoreFixture } from "../store-test.ts";

export const vault = "kv-main";
/** The application that the reader's account is federated with, and that may read the vault's secrets. */
export const client = "5a1d2c60-0000-4000-8000-000000000001";

const reader = { namespace: "shop", serviceAccount: "web" };
const stranger = { namespace: "shop", serviceAccount: "stranger" };

export interface AzureFixture extends StoreFixture {
	readonly azure: AzureServers;
}

/**
 * One vault at its real name, which the process's own proxy leads to the stand-ins. Tests that open it run one after
 * another, because the proxy is in the environment.
 */
export async function openAzure(t: ExecutionContext<unknown>): Promise<AzureFixture> {
	const [azure, issuer] = await Promise.all([startAzure(t), createTokenIssuer()]);
	setEnvironment(t, azure.environment);
	azure.directory.federate({ client, issuer, subject: `system:serviceaccount:${reader.namespace}:${reader.serviceAccount}` });
	azure.vaults.allow(client, vault, { secrets: ["get"] });
	return {
		azure,
		issuer,
		audience: exchangeAudience,
		policy: [
			`endpoints: ["${azure.authority}", "${azure.vaultUrl(vault)}"]`,
			"stores:",
			`  main: {type: azure, vault: ${vault}, tenant: ${defaultTenant}, client: ${client}}`,
		].join("\n"),
		reader,
		stranger,
		addresses: [new URL(azure.proxy.address).host],
		// A secret of Key Vault is text, so that bytes are kept in base64.
		async put(name, value) {
			azure.vaults.putSecret(vault, name, value.toString("base64"));
		},
		async remove(name) {
			azure.vaults.delete(vault, "secrets", name);
		},
		object: (name) => ({ path: name, decode: "base64" }),
		unicodeNames: ["UPPER-and-lower-0", "x".repeat(127)],
		bigBytes: 18 * 1024,
		async breakDown() {
			const repair = azure.faults.add({ behaviour: { kind: "status", status: 503 } });
			return async () => repair();
		},
		async hang() {
			const release = azure.faults.add({ behaviour: { kind: "hang" } });
			return { openRequests: () => azure.openRequests, release: async () => release() };
		},
	};
}

/** Sets variables of this process for one test. */
export function setEnvironment(t: ExecutionContext<unknown>, variables: Readonly<Record<string, string>>): void {
	for (const [name, value] of Object.entries(variables)) {
		const before = process.env[name];
		process.env[name] = value;
		t.teardown(() => {
			if (before === undefined) delete process.env[name];
			else process.env[name] = before;
		});
	}
}
