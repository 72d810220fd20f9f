import { randomBytes, randomUUID } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import type { Pod } from "../provider/plan/mount-request.ts";
import { textField } from "./servers/kubernetes/api-client.ts";
import { type Cluster, startCluster } from "./servers/kubernetes/cluster.ts";
import { enableJwt, enablePki, startVault, type VaultServer, writeJwtRole, writePolicy } from "./servers/vault/vault.ts";
import { startTestProvider } from "./support/provider.ts";
import { temporaryDirectory } from "./support/temporary-directory.ts";
import { createTokenIssuer } from "./support/token-issuer.ts";

const node = "node-1";
const issuer = await createTokenIssuer();
let cluster: Cluster;
let vault: VaultServer;

test.before(async () => {
	[cluster, vault] = await Promise.all([startCluster(), startVault(undefined)]);
	await cluster.createServiceAccount("shop", "web");
	await enableJwt(vault, issuer);
	await enablePki(vault);
	await writePolicy(vault, "issuer", { "pki/issue/web": ["update"] });
	await writeJwtRole(vault, { name: "issuer", policies: ["issuer"], fields: { token_ttl: "1h" } });
});

test.after.always(async () => {
	await cluster?.stop();
	await vault?.stop();
});

/** A pod object on the provider's node; no kubelet runs it. */
async function createPod(): Promise<Pod> {
	const name = `web-${randomUUID()}`;
	const spec = { serviceAccountName: "web", nodeName: node, containers: [{ name: "main", image: "none" }] };
	const { body } = await cluster.request("POST", "/api/v1/namespaces/shop/pods", { metadata: { name }, spec });
	return { name, namespace: "shop", serviceAccount: "web", uid: textField(body, "metadata", "uid") };
}

async function deletePod(pod: Pod): Promise<void> {
	await cluster.request("DELETE", `/api/v1/namespaces/shop/pods/${pod.name}?gracePeriodSeconds=0`);
}

/** The logins that Vault knows of, beside the test's own. */
async function logins(): Promise<number> {
	const { data } = await vault.api("LIST", "auth/token/accessors");
	return (data as { keys: readonly string[] }).keys.length;
}

async function until(t: ExecutionContext<unknown>, what: string, seconds: number, condition: () => Promise<boolean>): Promise<number> {
	const begin = Date.now();
	while (Date.now() - begin < seconds * 1000) {
		if (await condition()) return Date.now() - begin;
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	t.fail(`not within ${seconds} s: ${what}`);
	return seconds * 1000;
}

test("what was made for a pod ends when the pod is deleted, also when the provider was restarted in between", async (t) => {
	const directory = temporaryDirectory(t);
	const [state, key, tokenFile] = [join(directory, "state"), join(directory, "version-key"), join(directory, "token")];
	mkdirSync(state, { mode: 0o700 });
	writeFileSync(key, randomBytes(32));
	writeFileSync(tokenFile, cluster.adminToken);
	const api = [
		"--kubernetes-api",
		cluster.address,
		"--kubernetes-token-file",
		tokenFile,
		"--kubernetes-ca",
		cluster.caFile,
		"--node-name",
		node,
	];
	const start = () =>
		startTestProvider(t, {
			policy: `stores:\n  main: {type: vault, address: "${vault.address}", authMount: jwt, role: issuer}\n`,
			providers: "claviger",
			issuer,
			ages: "default",
			flags: [...api, "--state-dir", state, "--version-key", key],
		});
	const objects = "- {name: tls, path: pki/issue/web, method: PUT, args: {common_name: web.example.test, ttl: 1h}}";
	const [staying, leaving] = [await createPod(), await createPod()];
	const before = await logins();
	const first = await start();
	const certificate = (await first.mount("claviger", staying, { objects })).files.get("tls")?.contents;
	await first.mount("claviger", leaving, { objects });
	t.is(await logins(), before + 2, "a login for each pod");
	await first.stop();

	const second = await start();
	await deletePod(leaving);
	const milliseconds = await until(t, "the deleted pod's login has ended", 60, async () => (await logins()) === before + 1);
	t.log(`ended ${milliseconds} ms after the pod`);
	t.deepEqual(
		(await second.mount("claviger", staying, { objects })).files.get("tls")?.contents,
		certificate,
		"the other keeps its certificate",
	);
	await second.stop();

	await deletePod(staying);
	await start();
	await until(t, "the login of a pod that went while no provider ran has ended", 60, async () => (await logins()) === before);
});
