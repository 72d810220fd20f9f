import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { startScriptedApi } from "./kubernetes/scripted-api.ts";
import { startLatencyProxy } from "./servers/latency-proxy.ts";
import { enableJwt, enableKv, enablePki, startVault, writeJwtRole, writePolicy } from "./servers/vault/vault.ts";
import { makePod } from "./support/pods.ts";
import { startTestProvider, type TestProvider } from "./support/provider.ts";
import { temporaryDirectory } from "./support/temporary-directory.ts";
import { createTokenIssuer } from "./support/token-issuer.ts";

async function setUp(t: ExecutionContext) {
	const [vault, issuer] = await Promise.all([startVault(t), createTokenIssuer()]);
	await Promise.all([enableJwt(vault, issuer), enablePki(vault), enableKv(vault, "kv", 1)]);
	await vault.api("POST", "kv/app", { password: "p" });
	await vault.api("POST", "pki/roles/leased", { allow_any_name: true, enforce_hostnames: false, key_type: "ec", generate_lease: true });
	await writePolicy(vault, "shop", { "pki/issue/*": ["create", "update"], "kv/app": ["read"] });
	await writeJwtRole(vault, { name: "shop", policies: ["shop"], fields: { token_ttl: "1h" } });
	const proxy = await startLatencyProxy(t, { target: vault.address });
	const directory = temporaryDirectory(t);
	const [state, key] = [join(directory, "state"), join(directory, "key")];
	mkdirSync(state);
	writeFileSync(key, randomBytes(32));
	const start = (...flags: readonly string[]): Promise<TestProvider> =>
		startTestProvider(t, {
			issuer,
			ages: "default",
			flags: ["--state-dir", state, "--version-key", key, "--poll-interval", "1s", "--node-name", "one", ...flags],
			policy: `endpoints: [${proxy.address}]\nstores:\n  main: {type: vault, address: "${proxy.address}", authMount: jwt, role: shop}\n`,
		});
	return { start, directory, count: (path: string) => proxy.counts.get(`/v1/${path}`) ?? 0 };
}

const objects = `
- {name: tls, store: main, path: pki/issue/leased, method: PUT, args: {common_name: shop, ttl: 1h}}
- {name: app, store: main, path: kv/app}
`;

test("each pod has its own certificate, the same at every mount and after a restart of the provider", async (t) => {
	const { start, count } = await setUp(t);
	const provider = await start();
	const pods = ["a", "b"].map((name) => makePod({ namespace: "shop", serviceAccount: "web", name, uid: `uid-${name}` }));
	const mount = async (from: TestProvider) =>
		Promise.all(
			pods.map(async (pod) => {
				const { files, versions } = await from.mount("claviger", pod, { objects });
				return { text: files.get("tls")?.contents.toString(), version: versions.get("tls") };
			}),
		);
	const first = await mount(provider);
	t.truthy(first[0]?.text);
	t.not(first[0]?.text, first[1]?.text);
	for (let remount = 0; remount < 10; remount += 1) t.deepEqual(await mount(provider), first);
	await until(t, () => count("kv/app") >= 3);
	t.is(count("pki/issue/leased"), 2, "what others are polled for is left alone");
	await provider.stop();
	t.deepEqual(await mount(await start()), first);
	t.is(count("pki/issue/leased"), 2);
	t.is(count("auth/token/revoke-self"), 0, "pods outlive the provider");
});

test("leases of a pod that went while no provider ran are ended by the first list of the node's pods", async (t) => {
	const { start, directory, count } = await setUp(t);
	const [stays, goes] = ["stays", "goes"].map((name) => makePod({ namespace: "shop", serviceAccount: "web", name, uid: `uid-${name}` }));
	if (stays === undefined || goes === undefined) throw new Error("two pods were made");
	const provider = await start();
	const { files } = await provider.mount("claviger", stays, { objects });
	await provider.mount("claviger", goes, { objects });
	await provider.stop();
	const [api, token] = [await startScriptedApi(t), join(directory, "token")];
	writeFileSync(token, "token");
	const second = await start("--kubernetes-api", api.address, "--kubernetes-ca", api.caFile, "--kubernetes-token-file", token);
	await api.answerList({ metadata: { resourceVersion: "1" }, items: [{ metadata: { uid: stays.uid } }] });
	await api.watch();
	await until(t, () => count("auth/token/revoke-self") === 1);
	t.deepEqual((await second.mount("claviger", stays, { objects })).files.get("tls"), files.get("tls"));
	t.is(count("pki/issue/leased"), 2);
});

async function until(t: ExecutionContext, condition: () => boolean): Promise<void> {
	const end = Date.now() + 20_000;
	while (!condition()) {
		if (Date.now() > end) return t.fail("the condition was not met in time");
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}
