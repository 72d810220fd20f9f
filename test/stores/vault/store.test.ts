import { randomUUID } from "node:crypto";
import type { ExecutionContext } from "ava";
import { startLatencyProxy } from "../../servers/latency-proxy.ts";
import { enableJwt, startVault, writeJwtRole, writePolicy } from "../../servers/vault/vault.ts";
import { createTokenIssuer } from "../../support/token-issuer.ts";
import { type StoreFixture, testStore } from "../store-test.ts";

const reader = { namespace: "shop", serviceAccount: "web" };
const stranger = { namespace: "shop", serviceAccount: "stranger" };

/** Values are kept in base64, as everybody does who keeps bytes in Vault. */
async function open(t: ExecutionContext<unknown>): Promise<StoreFixture> {
	const [vault, issuer] = await Promise.all([startVault(t), createTokenIssuer()]);
	const mount = `kv-${randomUUID()}`;
	await vault.api("POST", `sys/mounts/${mount}`, { type: "kv", options: { version: "1" } });
	await enableJwt(vault, issuer);
	// Both accounts may log in with one role, and Vault lets each read its own folder only.
	const { accessor } = (await vault.api("GET", "sys/auth/jwt"))["data"] as { accessor: string };
	await writePolicy(vault, "own", { [`${mount}/{{identity.entity.aliases.${accessor}.name}}/*`]: ["read"] });
	await writeJwtRole(vault, { name: "app", policies: ["own"] });
	const folder = `${mount}/system:serviceaccount:${reader.namespace}:${reader.serviceAccount}`;
	const proxy = await startLatencyProxy(t, { target: vault.address });
	return {
		issuer,
		audience: "vault",
		policy: `endpoints: [${proxy.address}]\nstores:\n  main: {type: vault, address: "${proxy.address}", authMount: jwt, role: app}\n`,
		reader,
		stranger,
		// The second one is where the test's own proxy forwards to.
		addresses: [new URL(proxy.address).host, new URL(vault.address).host],
		async put(name, value) {
			await vault.api("POST", `${folder}/${encodeURIComponent(name)}`, { value: value.toString("base64") });
		},
		async remove(name) {
			await vault.api("DELETE", `${folder}/${encodeURIComponent(name)}`);
		},
		object: (name) => ({ path: `${folder}/${name}`, key: "value", decode: "base64" }),
		unicodeNames: ["größe", "秘密", "пароль", "with space", "a:b@c+d"],
		bigBytes: 512 * 1024,
		async breakDown() {
			proxy.misbehave({ kind: "status", status: 503, body: '{"errors":["Vault is sealed"]}' });
			return async () => proxy.misbehave(undefined);
		},
		async hang() {
			proxy.misbehave({ kind: "hang" });
			return { openRequests: () => proxy.openRequests(), release: async () => proxy.misbehave(undefined) };
		},
	};
}

testStore("vault", open);
