import { readFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { type LatencyProxy, startLatencyProxy } from "../servers/latency-proxy.ts";
import { enableJwt, enableKv, enablePki, startVault, type VaultServer, writeJwtRole, writePolicy } from "../servers/vault/vault.ts";
import { makePod } from "../support/pods.ts";
import { startTestProvider, type TestProvider } from "../support/provider.ts";
import { createTokenIssuer } from "../support/token-issuer.ts";
import { waitUntil } from "../support/wait-until.ts";

const issuer = await createTokenIssuer();
const secretValue = "hunter2-and-more";
let vault: VaultServer;

test.before(async () => {
	vault = await startVault(undefined);
	await Promise.all([enableKv(vault, "kv", 1), enablePki(vault), enableJwt(vault, issuer)]);
	await vault.api("POST", "pki/roles/leased", { allow_any_name: true, enforce_hostnames: false, key_type: "ec", generate_lease: true });
	await writePolicy(vault, "shop", { "kv/*": ["read"], "pki/issue/*": ["create", "update"] });
	await writeJwtRole(vault, { name: "shop", policies: ["shop"], fields: { token_ttl: "1h" } });
});
test.after.always(() => vault?.stop());

interface Running {
	readonly provider: TestProvider;
	readonly proxy: LatencyProxy;
	metrics(): Promise<string>;
	/** The sum of all series of a metric whose labels include these. */
	figure(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
}

async function setUp(t: ExecutionContext, flags: readonly string[] = [], morePolicy = ""): Promise<Running> {
	const proxy = await startLatencyProxy(t, { target: vault.address });
	const provider = await startTestProvider(t, {
		issuer,
		ages: "default",
		policy: `endpoints: ["${vault.address}"]\nstores:\n  main: {type: vault, address: "${proxy.address}", authMount: jwt, role: shop}\n${morePolicy}`,
		flags: ["--poll-interval", "1s", "--http", "127.0.0.1:0", ...flags],
	});
	const serving = provider.logs.find((line) => line.includes('"event":"serving"'));
	const { http } = JSON.parse(serving ?? "{}") as { readonly http: string };
	const metrics = async () => (await fetch(`http://${http}/metrics`)).text();
	return {
		provider,
		proxy,
		metrics,
		async figure(name, labels = {}) {
			const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
			const lines = (await metrics())
				.split("\n")
				.filter((line) => /^(\w+)/.exec(line)?.[1] === name && wanted.every((label) => line.includes(label)));
			return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
		},
	};
}

function documentedFields(): ReadonlyMap<string, ReadonlySet<string>> {
	const readme = readFileSync(join(import.meta.dirname, "../../provider/telemetry/README.md"), "utf8");
	const rows = readme.matchAll(/^\| `(\w+)` \| [^|]*\b(?:debug|info|warn|error)\b[^|]* \| ([^|]+) \|$/gm);
	return new Map(
		[...rows].map(([, event = "", fields = ""]) => [event, new Set([...fields.matchAll(/`(\w+)`/g)].map(([, field = ""]) => field))]),
	);
}

const main = { type: "vault", store: "main" };

test("mounts, stores, values, changes and revocations are counted as they happen, and no secret shows", async (t) => {
	const { provider, proxy, metrics, figure } = await setUp(t);
	await vault.api("POST", "kv/one", { v: secretValue });
	await vault.api("POST", "kv/two", { v: secretValue });
	const objects = ["one", "two"].map((name) => `- {name: ${name}, store: main, path: kv/${name}, key: v, onRevoked: delete}`).join("\n");
	const pod = makePod();
	for (let mount = 0; mount < 3; mount += 1) await provider.mount("claviger", pod, { objects });
	const other = { objects: "- {name: none, store: main, path: kv/none}" };
	await t.throwsAsync(provider.mount("claviger", makePod(), other));
	await t.throwsAsync(provider.mount("claviger", makePod(), { objects: "nonsense" }));
	await t.throwsAsync(provider.mount("claviger", makePod(), { objects }, { tokens: {} }));
	t.is(await figure("claviger_mounts_total", { provider: "claviger", code: "ok" }), 3);
	t.is(await figure("claviger_mounts_total", { code: "absent" }), 1);
	t.is(await figure("claviger_mounts_total", { code: "invalid" }), 1);
	t.is(await figure("claviger_denials_total", { rule: "missing-token" }), 1);
	t.is(await figure("claviger_mount_duration_seconds_count"), 6);
	t.is(await figure("claviger_mount_stage_duration_seconds_count", { stage: "render" }), 3);
	t.is(await figure("claviger_cache_hits_total"), 4);
	t.is(await figure("claviger_served_value_age_seconds_count"), 4);
	t.is(await figure("claviger_store_calls_total", { ...main, operation: "login", code: "ok" }), 1);
	t.is(await figure("claviger_store_up", main), 1);
	t.is(await figure("claviger_sessions"), 1);
	t.is(await figure("claviger_volumes"), 1);
	t.is(await figure("claviger_store_requests_under_way", main), 0);
	t.is(await figure("claviger_store_requests_waiting", main), 0);
	await vault.api("POST", "kv/one", { v: "changed" });
	await waitUntil(async () => (await figure("claviger_changes_total")) === 1 && (await figure("claviger_volumes_behind")) === 1);
	t.true((await figure("claviger_polls_total", { code: "ok" })) > 0);
	await provider.mount("claviger", pod, { objects });
	t.is(await figure("claviger_volumes_behind"), 0);
	await vault.api("DELETE", "kv/two");
	await waitUntil(async () => !(await provider.mount("claviger", pod, { objects })).files.has("two"));
	t.is(await figure("claviger_revocations_total"), 1);
	proxy.misbehave({ kind: "reset" });
	await waitUntil(async () => (await figure("claviger_store_up", main)) === 0);
	await waitUntil(async () => (await figure("claviger_held_value_age_seconds", main)) > 2);
	await provider.mount("claviger", makePod(), { objects: "- {name: one, store: main, path: kv/one, key: v}" });
	t.true((await figure("claviger_stale_served_total")) > 0);
	t.true((await figure("claviger_stale_seconds")) > 2);
	t.true((await figure("claviger_polls_total", { code: "unreachable" })) > 0);
	proxy.misbehave(undefined);
	await waitUntil(
		async () => (await figure("claviger_store_up", main)) === 1 && (await figure("claviger_held_value_age_seconds", main)) < 2,
	);
	const text = await metrics();
	for (const word of [secretValue, "kv/one", pod.uid, pod.name, "shop"]) t.false(text.includes(word), word);
	const documented = documentedFields();
	for (const line of provider.logs) {
		const { event, level, message, ...fields } = JSON.parse(line) as { readonly event: string } & Readonly<Record<string, unknown>>;
		t.truthy(documented.get(event), line);
		for (const field of Object.keys(fields)) t.true(documented.get(event)?.has(field), `${event} has the field ${field}`);
		t.false(line.includes(secretValue));
		t.is(typeof message, "string");
		t.is(typeof level, "string");
	}
});

test("a lease counts from its making to its pod's end", async (t) => {
	const { provider, figure } = await setUp(t, ["--node-name", "one"]);
	const objects = "- {name: tls, store: main, path: pki/issue/leased, method: PUT, args: {common_name: shop, ttl: 1h}}";
	await provider.mount("claviger", makePod(), { objects });
	t.is(await figure("claviger_leases"), 1);
	t.is(await figure("claviger_lease_events_total"), 0);
});

test("addresses that stand in classes alone share their figures, whatever there are of them", async (t) => {
	const { provider, figure, metrics } = await setUp(t);
	await vault.api("POST", "kv/three", { v: secretValue });
	const parameters = {
		stores: `mine: {type: vault, address: "${vault.address}", authMount: jwt, role: shop}`,
		objects: "- {name: o, path: kv/three}",
	};
	await provider.mount("claviger", makePod(), parameters);
	t.is(await figure("claviger_store_calls_total", { type: "vault", store: "(other)", operation: "read" }), 1);
	t.false((await metrics()).includes("mine"));
});

test("an audit record that cannot be written is counted", async (t) => {
	const { provider, figure } = await setUp(t, ["--audit", "/dev/full"]);
	await vault.api("POST", "kv/four", { v: secretValue });
	await t.throwsAsync(provider.mount("claviger", makePod(), { objects: "- {name: o, store: main, path: kv/four}" }));
	t.true((await figure("claviger_audit_failures_total")) >= 1);
	t.is(await figure("claviger_mounts_total", { code: "internal" }), 1);
});

test("classes of another provider's that name no address, or the administrator's, count for the administrator's store", async (t) => {
	const dialects = `dialects:\n  vault: {address: "${vault.address}", authMount: jwt}\n`;
	const { provider, figure } = await setUp(t, [], dialects);
	await vault.api("POST", "kv/five", { v: secretValue });
	const objects = "- {objectName: o, secretPath: kv/five, secretKey: v}";
	for (const more of [{}, { vaultAddress: vault.address }, { vaultAddress: vault.address, vaultKubernetesMountPath: "other" }])
		await provider.mount("vault", makePod(), { roleName: "shop", objects, ...more }).catch(() => undefined);
	t.is(await figure("claviger_store_calls_total", { type: "vault", store: "vault", operation: "login", code: "ok" }), 1);
	t.is(await figure("claviger_store_calls_total", { type: "vault", store: "vault", operation: "login", code: "denied" }), 1);
	t.is(await figure("claviger_store_calls_total", { store: "(other)" }), 0);
});
