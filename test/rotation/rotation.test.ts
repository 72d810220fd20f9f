import test, { type ExecutionContext } from "ava";
import type { Pod } from "../../provider/plan/mount-request.ts";
import { type LatencyProxy, startLatencyProxy } from "../servers/latency-proxy.ts";
import { enableJwt, enableKv, startVault, type VaultServer, writeJwtRole, writePolicy } from "../servers/vault/vault.ts";
import { CallFailure, type MountResult } from "../support/mount-client.ts";
import { makePod } from "../support/pods.ts";
import { startTestProvider, type TestProvider } from "../support/provider.ts";
import { createTokenIssuer } from "../support/token-issuer.ts";

const issuer = await createTokenIssuer();
let vault: VaultServer;

test.before(async () => {
	vault = await startVault(undefined);
	await enableKv(vault, "secret", 2);
	await enableJwt(vault, issuer);
	await writePolicy(vault, "reader", { "secret/data/*": ["read"] });
	await writeJwtRole(vault, { name: "reader", policies: ["reader"] });
});

test.after.always(() => vault?.stop());

let folders = 0;

/** A folder of Vault of the test's own, behind a proxy, and a provider that polls it. */
class Bench {
	readonly provider: TestProvider;
	readonly proxy: LatencyProxy;
	readonly folder: string;

	constructor(provider: TestProvider, proxy: LatencyProxy, folder: string) {
		this.provider = provider;
		this.proxy = proxy;
		this.folder = folder;
	}

	async put(name: string, value: string): Promise<void> {
		await vault.api("POST", `secret/data/${this.folder}/${name}`, { data: { v: value } });
	}

	async remove(name: string): Promise<void> {
		await vault.api("DELETE", `secret/metadata/${this.folder}/${name}`);
	}

	/** Mounts one file per object, each `name` or `name, more fields`. */
	mount(pod: Pod, objects: readonly string[]): Promise<MountResult> {
		const lines = objects.map((object) => {
			const [name, ...fields] = object.split(", ");
			return `- {${[`name: ${name}`, "store: main", `path: secret/data/${this.folder}/${name}`, "key: v", ...fields].join(", ")}}`;
		});
		return this.provider.mount("claviger", pod, { objects: lines.join("\n") });
	}

	/** How often Vault was asked for a secret. */
	reads(): number {
		return [...this.proxy.counts].reduce(
			(sum, [path, count]) => (path.startsWith(`/v1/secret/data/${this.folder}/`) ? sum + count : sum),
			0,
		);
	}
}

async function setUp(t: ExecutionContext<unknown>, flags: readonly string[] = ["--poll-interval", "1s"]): Promise<Bench> {
	folders += 1;
	const folder = `folder-${folders}`;
	const proxy = await startLatencyProxy(t, { target: vault.address });
	const policy = `stores:\n  main: {type: vault, address: "${proxy.address}", authMount: jwt, role: reader}\n`;
	const provider = await startTestProvider(t, { policy, providers: "claviger,vault", issuer, ages: "default", flags });
	return new Bench(provider, proxy, folder);
}

function textOf(result: MountResult, path: string): string | undefined {
	return result.files.get(path)?.contents.toString();
}

async function until(t: ExecutionContext<unknown>, what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
	const end = Date.now() + 15_000;
	while (Date.now() < end) {
		if (await condition()) return;
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	t.fail(`it never came true: ${what}`);
}

test("a change is found by the poller, and the mounts that bring it ask Vault for nothing", async (t) => {
	const bench = await setUp(t);
	const pod = makePod();
	await bench.put("a", "one");
	t.is(textOf(await bench.mount(pod, ["a"]), "a"), "one");
	await bench.put("a", "two");
	await until(t, "the change is found", () => bench.provider.logs.some((line) => line.includes('"changed"')));
	const before = bench.reads();
	t.is(textOf(await bench.mount(pod, ["a"]), "a"), "two");
	t.is(bench.reads(), before);
});

test("a hundred replicas with ten secrets, mounted and republished ten times, cost a twentieth of the calls at most", async (t) => {
	const bench = await setUp(t, ["--poll-interval", "60s"]);
	const names = Array.from({ length: 10 }, (_, index) => `s${index}`);
	for (const name of names) await bench.put(name, "v");
	const pods = Array.from({ length: 100 }, () => makePod());
	for (let round = 0; round < 11; round += 1) {
		const results = await Promise.all(pods.map((pod) => bench.mount(pod, names)));
		t.true(results.every((result) => result.files.size === 10));
	}
	const oneByOne = pods.length * 11 * (names.length + 1);
	t.true(bench.proxy.requests.length <= oneByOne * 0.05, `${bench.proxy.requests.length} of ${oneByOne} calls`);
	t.log(`${bench.proxy.requests.length} calls instead of ${oneByOne}`);
});

test("a secret deleted in the store leaves the volume, and the rest stays", async (t) => {
	const bench = await setUp(t);
	const pod = makePod();
	await Promise.all(["a", "b"].map((name) => bench.put(name, name)));
	const first = await bench.mount(pod, ["a", "b"]);
	await bench.remove("a");
	await until(t, "the file goes", async () => !(await bench.mount(pod, ["a", "b"])).files.has("a"));
	const second = await bench.mount(pod, ["a", "b"]);
	t.deepEqual([...second.files.keys()], ["b"]);
	t.is(second.versions.get("a"), "revoked");
	t.is(second.versions.get("b"), first.versions.get("b"));
	await bench.put("a", "again");
	await until(t, "it comes back", async () => textOf(await bench.mount(pod, ["a", "b"]), "a") === "again");
});

test("when the last file is revoked a marker takes its place, because the driver ignores an empty answer", async (t) => {
	const bench = await setUp(t);
	const pod = makePod();
	await bench.put("a", "a");
	await bench.mount(pod, ["a"]);
	await bench.remove("a");
	await until(t, "the file goes", async () => !(await bench.mount(pod, ["a"])).files.has("a"));
	t.deepEqual([...(await bench.mount(pod, ["a"])).files.keys()], [".revoked"]);
	const newcomer = await t.throwsAsync(bench.mount(makePod(), ["a"]), { instanceOf: CallFailure });
	t.is(newcomer?.errorCode, "absent", "a pod that never held it does not start without it");
});

test("what another account may not have is a denial, even where the volume was held by one that may", async (t) => {
	const bench = await setUp(t);
	const pod = makePod();
	await bench.put("a", "a");
	await bench.mount(pod, ["a"]);
	await bench.remove("a");
	const other = await t.throwsAsync(bench.mount({ ...pod, serviceAccount: "other" }, ["a"]), { instanceOf: CallFailure });
	t.is(other?.errorCode, "absent");
});

test("onRevoked: keep and grace keep the bytes, the latter for its time", async (t) => {
	const bench = await setUp(t);
	const pod = makePod();
	const objects = ["kept, onRevoked: keep", "graced, onRevoked: grace 3s"];
	await Promise.all(["kept", "graced"].map((name) => bench.put(name, name)));
	await bench.mount(pod, objects);
	await Promise.all(["kept", "graced"].map((name) => bench.remove(name)));
	await until(t, "both are known to be gone", () => bench.provider.logs.length > 0 && bench.reads() >= 4);
	const during = await bench.mount(pod, objects);
	t.deepEqual([textOf(during, "kept"), textOf(during, "graced")], ["kept", "graced"]);
	await until(t, "the grace ends", async () => !(await bench.mount(pod, objects)).files.has("graced"));
	t.is(textOf(await bench.mount(pod, objects), "kept"), "kept");
});

test("an outage takes nothing away: the last known bytes stay, and the audit says how old they are", async (t) => {
	const bench = await setUp(t, ["--poll-interval", "1s", "--max-age", "0"]);
	const pod = makePod();
	await bench.put("a", "one");
	await bench.mount(pod, ["a"]);
	bench.proxy.misbehave({ kind: "status", status: 503, body: '{"errors":["Vault is sealed"]}' });
	t.is(textOf(await bench.mount(pod, ["a"]), "a"), "one");
	t.is(textOf(await bench.mount(makePod(), ["a"]), "a"), "one", "another pod of the same identity");
	const stranger = await t.throwsAsync(bench.mount(makePod({ serviceAccount: "stranger" }), ["a"]), { instanceOf: CallFailure });
	t.is(stranger?.errorCode, "unreachable");
	t.true(bench.provider.audited().some((record) => record.decision === "deliver" && record.staleSeconds !== undefined));
	bench.proxy.misbehave(undefined);
	await bench.put("a", "two");
	t.is(textOf(await bench.mount(pod, ["a"]), "a"), "two");
});

test("when most of a node's secrets vanish at once, removals are held back and an alarm is raised", async (t) => {
	const bench = await setUp(t, ["--poll-interval", "1s", "--revocation-hold", "4s"]);
	const pod = makePod();
	const names = Array.from({ length: 8 }, (_, index) => `s${index}`);
	for (const name of names) await bench.put(name, name);
	await bench.mount(pod, names);
	bench.proxy.misbehave({ kind: "status", status: 404, body: '{"errors":[]}' }, /secret\/data/);
	await until(t, "the alarm", async () => {
		await bench.mount(pod, names);
		return bench.provider.logs.some((line) => line.includes("removals are held back"));
	});
	t.is((await bench.mount(pod, names)).files.size, 8);
	await until(t, "the hold ends", async () => (await bench.mount(pod, names)).files.has(".revoked"));
});

test("secrets that vanish one after the other are held back too, once they are most of them", async (t) => {
	const bench = await setUp(t, ["--max-age", "0", "--revocation-hold", "1h"]);
	const pod = makePod();
	const names = Array.from({ length: 8 }, (_, index) => `s${index}`);
	for (const name of names) await bench.put(name, name);
	await bench.mount(pod, names);
	let files = 8;
	for (const name of names) {
		await bench.remove(name);
		files = (await bench.mount(pod, names)).files.size;
		// The breaker counts twice a second at most.
		await new Promise((resolve) => setTimeout(resolve, 600));
	}
	t.true(files >= 3, `${files} files are left`);
	t.true(bench.provider.logs.some((line) => line.includes("removals are held back")));
});

test("in a dialect of another provider a deleted secret fails the remount, and the driver keeps the files", async (t) => {
	const bench = await setUp(t);
	const pod = makePod();
	await bench.put("a", "a");
	const parameters = {
		vaultAddress: bench.proxy.address,
		vaultAuthMountPath: "jwt",
		roleName: "reader",
		objects: `- {objectName: a, secretPath: secret/data/${bench.folder}/a, secretKey: v}`,
	};
	const error = await t.throwsAsync(bench.provider.mount("vault", pod, parameters), { instanceOf: CallFailure });
	t.is(error?.errorCode, "refused", "the address is the administrator's for the native dialect only");
	const open = await startTestProvider(t, {
		policy: `endpoints: ["${bench.proxy.address}"]`,
		issuer,
		ages: "default",
		flags: ["--poll-interval", "1s"],
	});
	await open.mount("vault", pod, parameters);
	await bench.remove("a");
	await until(t, "the remount fails", async () => {
		const failure = await open.mount("vault", pod, parameters).catch((reason: unknown) => reason);
		return failure instanceof CallFailure && failure.errorCode === "absent";
	});
	t.pass();
});
