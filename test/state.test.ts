import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { startLatencyProxy } from "./servers/latency-proxy.ts";
import { enableJwt, enableKv, startVault, type VaultServer, writeJwtRole, writePolicy } from "./servers/vault/vault.ts";
import { CallFailure } from "./support/mount-client.ts";
import { makePod } from "./support/pods.ts";
import { startTestProvider, type TestProvider } from "./support/provider.ts";
import { temporaryDirectory } from "./support/temporary-directory.ts";
import { createTokenIssuer } from "./support/token-issuer.ts";
import { waitUntil } from "./support/wait-until.ts";

const issuer = await createTokenIssuer();
let vault: VaultServer;

test.before(async () => {
	vault = await startVault(undefined);
	await Promise.all([enableKv(vault, "kv", 1), enableJwt(vault, issuer)]);
	await writePolicy(vault, "shop", { "kv/*": ["read"] });
	await writeJwtRole(vault, { name: "shop", policies: ["shop"] });
});

test.after.always(() => vault?.stop());

let folders = 0;

/** A folder of Vault of the test's own, and providers that follow each other on one node with one `--state-dir`. */
async function setUp(t: ExecutionContext<unknown>) {
	folders += 1;
	const folder = `kv/folder-${folders}`;
	const proxy = await startLatencyProxy(t, { target: vault.address });
	const directory = temporaryDirectory(t);
	const [state, key] = [join(directory, "state"), join(directory, "key")];
	mkdirSync(state, { mode: 0o700 });
	writeFileSync(key, randomBytes(32));
	const policy = `stores:\n  main: {type: vault, address: "${proxy.address}", authMount: jwt, role: shop}\n`;
	return {
		proxy,
		state,
		key,
		put: (name: string, value: string) => vault.api("POST", `${folder}/${name}`, { v: value }),
		remove: (name: string) => vault.api("DELETE", `${folder}/${name}`),
		start: (...flags: readonly string[]) =>
			startTestProvider(t, { issuer, policy, ages: "default", flags: ["--state-dir", state, "--version-key", key, ...flags] }),
		/** Mounts one file per object, each `name` or `name, more fields`; the files' texts by path. */
		async mount(provider: TestProvider, pod = webPod, names: readonly string[] = ["a"]) {
			const lines = names.map((object) => {
				const [name, ...fields] = object.split(", ");
				return `- {${[`name: ${name}`, "store: main", `path: ${folder}/${name}`, "key: v", ...fields].join(", ")}}`;
			});
			const objects = lines.join("\n");
			const { files } = await provider.mount("claviger", pod, { objects });
			return Object.fromEntries([...files].map(([path, { contents }]) => [path, contents.toString()]));
		},
	};
}

/** Waits until whatever is kept now is older than a second. */
function olderThanASecond(): Promise<void> {
	const end = Date.now() + 1000;
	return waitUntil(() => Date.now() > end);
}

const webPod = makePod();
const keep = ["--keep-values", "on", "--node-name", "one"];

test("after a restart during an outage, identities that had a value go on with it, and nobody else", async (t) => {
	const { proxy, state, put, start, mount } = await setUp(t);
	await put("a", "marked-value");
	const first = await start(...keep);
	t.deepEqual(await mount(first), { a: "marked-value" });
	await first.stop();
	t.deepEqual(readdirSync(state).sort(), ["deliveries", "leases", "values"]);
	for (const file of readdirSync(state)) t.false(readFileSync(join(state, file)).includes("marked-value"));
	proxy.misbehave({ kind: "reset" });
	const second = await start(...keep);
	t.deepEqual(await mount(second), { a: "marked-value" });
	t.deepEqual(await mount(second, makePod({ name: "replica" })), { a: "marked-value" }, "the identity is the same");
	const [delivered] = second.audited();
	t.is(delivered?.decision, "deliver");
	t.is(typeof delivered?.staleSeconds, "number");
	await t.throwsAsync(mount(second, makePod({ serviceAccount: "other" })), {
		instanceOf: CallFailure,
		message: /could not be reached|unreachable/i,
	});
	proxy.misbehave(undefined);
	await put("a", "new");
	await waitUntil(async () => (await mount(second)).a === "new");
	t.is(second.audited().at(-1)?.staleSeconds, undefined);
});

test("while the store can be reached, a value of an earlier process answers no mount", async (t) => {
	const { put, start, mount } = await setUp(t);
	await put("a", "old");
	const first = await start(...keep);
	await mount(first);
	await first.stop();
	await put("a", "new");
	t.deepEqual(await mount(await start(...keep)), { a: "new" });
});

const abuses: readonly {
	readonly name: string;
	readonly flags?: readonly string[];
	tamper?(state: string, key: string): Promise<void> | void;
	readonly warning?: string;
}[] = [
	{ name: "copied to another node", flags: ["--node-name", "two"], warning: "sealed with another key" },
	{
		name: "with one byte flipped",
		tamper(state) {
			const sealed = readFileSync(join(state, "values"));
			sealed[40] = (sealed[40] ?? 0) ^ 1;
			writeFileSync(join(state, "values"), sealed);
		},
		warning: "it is damaged",
	},
	{ name: "under another key", tamper: (_state, key) => writeFileSync(key, randomBytes(32)), warning: "sealed with another key" },
	{
		name: "in the place of another file",
		tamper: (state) => copyFileSync(join(state, "deliveries"), join(state, "values")),
		warning: "it is damaged",
	},
	{ name: "older than --max-stale", flags: ["--max-stale", "1s"], tamper: olderThanASecond },
	{ name: "though they are not to be kept", flags: ["--keep-values", "off"] },
];

for (const { name, flags = [], tamper, warning } of abuses) {
	test(`kept values are not served ${name}`, async (t) => {
		const { proxy, state, key, put, start, mount } = await setUp(t);
		await put("a", "v");
		const first = await start(...keep);
		await mount(first);
		await first.stop();
		await tamper?.(state, key);
		proxy.misbehave({ kind: "reset" });
		const second = await start(...keep, ...flags);
		await t.throwsAsync(mount(second), { instanceOf: CallFailure });
		t.is(
			second.logs.some((line) => line.includes("values kept in --state-dir")),
			warning !== undefined,
		);
		if (warning !== undefined) t.true(second.logs.some((line) => line.includes(warning)));
		if (flags.includes("off")) t.false(existsSync(join(state, "values")));
	});
}

test("an older copy put back is served in an outage alone, and with its own age", async (t) => {
	const { proxy, state, put, start, mount } = await setUp(t);
	await put("a", "old");
	const first = await start(...keep);
	await mount(first);
	await first.stop();
	copyFileSync(join(state, "values"), join(state, "copy"));
	await olderThanASecond();
	await put("a", "new");
	const second = await start(...keep);
	t.deepEqual(await mount(second), { a: "new" });
	await second.stop();
	copyFileSync(join(state, "copy"), join(state, "values"));
	proxy.misbehave({ kind: "reset" });
	const third = await start(...keep);
	t.deepEqual(await mount(third), { a: "old" });
	t.true((third.audited().at(-1)?.staleSeconds ?? 0) >= 1);
});

test("a secret deleted while no provider ran leaves the volume that holds it at the next remount, and no other", async (t) => {
	const { put, remove, start, mount } = await setUp(t);
	await Promise.all(["a", "b"].map((name) => put(name, name)));
	const first = await start();
	t.deepEqual(await mount(first, webPod, ["a", "b"]), { a: "a", b: "b" });
	await first.stop();
	await remove("a");
	const second = await start();
	t.deepEqual(await mount(second, webPod, ["a", "b"]), { b: "b" });
	await t.throwsAsync(mount(second, makePod(), ["a", "b"]), { instanceOf: CallFailure }, "a volume that never held it");
	await second.stop();
	t.deepEqual(await mount(await start(), webPod, ["a", "b"]), { b: "b" }, "and it stays away");
});

test("a period of grace that begins after a restart ends too, though no value is left to show meanwhile", async (t) => {
	const { put, remove, start, mount } = await setUp(t);
	const objects = ["a, onRevoked: grace 2s", "b"];
	await Promise.all(["a", "b"].map((name) => put(name, name)));
	const first = await start();
	await mount(first, webPod, objects);
	await first.stop();
	await remove("a");
	const second = await start();
	await t.throwsAsync(mount(second, webPod, objects), { instanceOf: CallFailure }, "the driver leaves the volume as it is");
	await waitUntil(async () => {
		const files = await mount(second, webPod, objects).catch(() => undefined);
		return files !== undefined && !("a" in files) && files["b"] === "b";
	});
});

for (const [flags, parameter] of [
	[["--keep-values", "on"], "--state-dir"],
	[["--state-dir", "/nowhere"], "--version-key"],
] as const) {
	test(`${flags.join(" ")} asks for ${parameter}`, async (t) => {
		const error = await t.throwsAsync(startTestProvider(t, { issuer, flags }), { code: "invalid" });
		t.true(error?.message.includes(flags[0]));
		t.regex(`${error?.message} ${String(Reflect.get(error ?? {}, "remedy"))}`, new RegExp(parameter));
	});
}
