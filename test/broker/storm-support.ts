import type { ExecutionContext } from "ava";
import { enableJwt, enableKv, startVault, type VaultServer, writeJwtRole, writePolicy } from "../servers/vault/vault.ts";
import { startApiServer } from "../support/api-server.ts";
import { makePod } from "../support/pods.ts";
import type { TestProvider } from "../support/provider.ts";
import { createTokenIssuer, type TokenIssuer } from "../support/token-issuer.ts";

/** As many pods as a node may hold. */
export const podsOfNode = 110;
export const objectsOfPod = 10;

/** A real Vault with ten secrets that every service account may read. */
export interface StormVault {
	readonly server: VaultServer;
	readonly issuer: TokenIssuer;
}

export async function startStormVault(): Promise<StormVault> {
	const [server, issuer] = await Promise.all([startVault(undefined), createTokenIssuer()]);
	await enableKv(server, "secret", 2);
	await enableJwt(server, issuer);
	await writePolicy(server, "storm", { "secret/data/storm/*": ["read"] });
	await writeJwtRole(server, { name: "storm", policies: ["storm"], fields: { token_ttl: "1h" } });
	for (let index = 0; index < objectsOfPod; index += 1)
		await server.api("POST", `secret/data/storm/${index}`, { data: { k: `v${index}` } });
	return { server, issuer };
}

/** The policy file's text that lets the vault dialect ask at the addresses, the first of which is the default. */
export function policyFor(...addresses: readonly string[]): string {
	return `endpoints: ${JSON.stringify(addresses)}\ndialects: {vault: {address: "${addresses[0]}", authMount: jwt}}\n`;
}

export interface PodMount {
	readonly serviceAccount: string;
	/** Default: all ten. */
	readonly objects?: number;
	/** The Vault to ask, unless it is the default one. */
	readonly address?: string;
	readonly signal?: AbortSignal;
}

/** Mounts for one pod through the vault dialect's socket; the number of files. */
export async function mountPod(provider: TestProvider, mount: PodMount): Promise<number> {
	const { serviceAccount, objects = objectsOfPod, address, signal } = mount;
	const list = Array.from(
		{ length: objects },
		(_, index) => `- {objectName: f${index}, secretPath: secret/data/storm/${index}, secretKey: k}`,
	);
	const parameters = { roleName: "storm", objects: list.join("\n"), ...(address === undefined ? {} : { vaultAddress: address }) };
	const options = { deadline: 90_000, ...(signal === undefined ? {} : { signal }) };
	const { files } = await provider.mount("vault", makePod({ serviceAccount }), parameters, options);
	return files.size;
}

/** An API server that publishes token keys, and counts what else it is asked. */
export interface KeyServer {
	/** Flags that make a provider verify tokens with its keys. */
	readonly flags: readonly string[];
	readonly calls: readonly string[];
}

export async function startKeyServer(t: ExecutionContext<unknown>, issuer: TokenIssuer): Promise<KeyServer> {
	const { requests, flags } = await startApiServer(t, (_request, response) => response.end(JSON.stringify(issuer.keys)));
	return { calls: requests, flags: ["--token-verification", "keys", ...flags] };
}

/** Waits for a condition, for at most ten seconds. */
export async function until(t: ExecutionContext<unknown>, what: string, condition: () => boolean): Promise<void> {
	const end = performance.now() + 10_000;
	while (!condition()) {
		if (performance.now() > end) return t.fail(`waited 10 s: ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
}
