import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import test from "ava";
import { KubernetesClient } from "../../provider/kubernetes/client.ts";
import { patchPod } from "../../provider/kubernetes/pod-patch.ts";
import type { Pod } from "../../provider/plan/mount-request.ts";
import { createClass, type RunningProvider, runPod, type Surroundings, startProvider, startSurroundings } from "./surroundings.ts";

const syncSeconds = 20;
const changes = 50;

let surroundings: Surroundings;
let provider: RunningProvider;
let pod: Pod;

test.before(async () => {
	surroundings = await startSurroundings({ syncFrequency: `${syncSeconds}s` });
	await write("password", "first");
	await write("other", "stays");
	await createClass(surroundings.cluster, "shop", ["password", "other"]);
	provider = await startProvider(surroundings, "pushing", ["--push", "annotation", "--poll-interval", "1s"]);
	pod = await runPod(surroundings, "web-0", "shop", "while :; do cat /secrets/password; echo; sleep 0.2; done");
});
test.after.always(async () => {
	await provider?.process.stop();
	await surroundings?.stop();
});

async function write(secret: string, value: string): Promise<void> {
	await surroundings.vault.api("POST", `secret/data/shop/${secret}`, { data: { value } });
}

function file(name: string): string {
	return surroundings.node.volumeFile(pod.uid, "secrets", name);
}

/** Milliseconds until a condition on the pod's volume holds, looked at every 5 ms. */
async function timeUntil(holds: () => boolean, limitMilliseconds: number): Promise<number> {
	const began = performance.now();
	while (!holds()) {
		if (performance.now() - began > limitMilliseconds) {
			throw new Error(`not within ${limitMilliseconds} ms\n${provider.process.log()}\n${surroundings.node.log()}`);
		}
		await delay(5);
	}
	return performance.now() - began;
}

/** The file's content, or undefined in the instant in which the driver swaps the volume's folders. */
function content(name: string): string | undefined {
	try {
		return readFileSync(file(name), "utf8");
	} catch {
		return undefined;
	}
}

function percentile(sorted: readonly number[], part: number): number {
	return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN;
}

function figures(milliseconds: readonly number[]) {
	const sorted = milliseconds.toSorted((one, other) => one - other);
	return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) };
}

test.serial("a patched pod is looked after by kubelet at once", async (t) => {
	const { cluster } = surroundings;
	const client = new KubernetesClient({
		address: cluster.address,
		tokenFile: join(cluster.directory, "provider-token"),
		caFile: cluster.caFile,
	});
	t.teardown(() => client.close());
	const times: number[] = [];
	for (let round = 0; round < 10; round += 1) {
		await settled();
		const before = provider.deliveries(pod.uid).length;
		t.is(await patchPod(client, pod, AbortSignal.timeout(5000)), "patched");
		times.push(await timeUntil(() => provider.deliveries(pod.uid).length > before, 5000));
	}
	const { p50, p99 } = figures(times);
	t.log(`patch → delivery: p50 ${p50.toFixed(0)} ms, longest ${p99.toFixed(0)} ms`);
	t.true(p50 <= 500, `p50 ${p50}`);
});

/**
 * Waits until the last change is past: the driver leaves a volume alone that changed within its interval of 1 s, and
 * kubelet looks after a pod again only when it has seen its containers since, which takes it a second too. The random
 * rest lets changes fall on every moment between two polls.
 */
async function settled(): Promise<void> {
	await delay(2200 + Math.random() * 1000);
}

test.serial(`${changes} changes in the store are read inside the running pod within two seconds`, async (t) => {
	const times: number[] = [];
	for (let change = 0; change < changes; change += 1) {
		await settled();
		const value = `value-${change}`;
		await write("password", value);
		times.push(await timeUntil(() => content("password") === value, 10_000));
	}
	const { p50, p99 } = figures(times);
	t.log(`change → new bytes, poll interval 1 s: p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`);
	t.true(p99 <= 2000, `p99 ${p99}`);
	const printed = `value-${changes - 1}`;
	await timeUntil(() => log().includes(printed), 5000);
	t.pass("the container itself printed the last value");
});

function log(): string {
	return globSync(join(surroundings.node.logFolder(pod), "main/*.log"))
		.map((path) => readFileSync(path, "utf8"))
		.join("");
}

test.serial("a revoked secret's file is gone within five seconds, and the rest of the volume stays", async (t) => {
	await surroundings.vault.api("DELETE", "secret/metadata/shop/password");
	const time = await timeUntil(() => !existsSync(file("password")), 10_000);
	t.log(`revoked → file gone: ${time.toFixed(0)} ms`);
	t.true(time <= 5000);
	t.is(content("other"), "stays");
});

test.serial("a secret that is back comes back into the volume", async (t) => {
	await write("password", "again");
	const time = await timeUntil(() => content("password") === "again", 10_000);
	t.log(`back → new bytes: ${time.toFixed(0)} ms`);
	t.true(time <= 5000);
});

test.serial("without push a change arrives within one sync of kubelet after the poll", async (t) => {
	await provider.process.stop();
	provider = await startProvider(surroundings, "waiting", ["--push", "off", "--poll-interval", "1s"]);
	await write("password", "pulled");
	const time = await timeUntil(() => content("password") === "pulled", 120_000);
	t.log(`change → new bytes without push, sync ${syncSeconds} s: ${time.toFixed(0)} ms`);
	// Kubelet stretches its sync by up to a half, by chance.
	t.true(time <= syncSeconds * 1500 + 1000 + 2000);
});
