import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import type { ProviderError } from "../../provider/errors.ts";
import { KubernetesClient } from "../../provider/kubernetes/client.ts";
import { changedAnnotation, patchPod } from "../../provider/kubernetes/pod-patch.ts";
import { watchPods } from "../../provider/kubernetes/pods.ts";
import { field } from "../servers/kubernetes/api-client.ts";
import { type Cluster, startCluster } from "../servers/kubernetes/cluster.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { waitUntil } from "../support/wait-until.ts";
import { installPush, type NodePod, nodePod } from "./push-support.ts";
import { startScriptedApi } from "./scripted-api.ts";

const node = "node-1";
let cluster: Cluster;
let token: string;

test.before(async () => {
	cluster = await startCluster();
	await cluster.createServiceAccount("shop", "web");
	token = await installPush(cluster, node);
});
test.after.always(() => cluster?.stop());

function clientWith(t: ExecutionContext<unknown>, options: { token?: string; address?: string; caFile?: string } = {}): KubernetesClient {
	const tokenFile = join(temporaryDirectory(t), "token");
	writeFileSync(tokenFile, options.token ?? token);
	const { address = cluster.address, caFile = cluster.caFile } = options;
	const client = new KubernetesClient({ address, tokenFile, caFile });
	t.teardown(() => client.close());
	return client;
}

/** A watch that ends with the test, and what it heard. */
function watch(t: ExecutionContext<unknown>, client: KubernetesClient) {
	const heard = { gone: new Set<string>(), lists: [] as ReadonlySet<string>[], troubles: [] as ProviderError[] };
	const stopping = new AbortController();
	const handlers = {
		onGone: (uid: string) => void heard.gone.add(uid),
		onSynced: (uids: ReadonlySet<string>) => void heard.lists.push(uids),
		onTrouble: (error: ProviderError) => void heard.troubles.push(error),
	};
	const ended = watchPods(client, node, handlers, stopping.signal);
	t.teardown(() => {
		stopping.abort();
		return ended;
	});
	return heard;
}

async function annotationOf(pod: NodePod): Promise<unknown> {
	return field((await cluster.request("GET", pod.path)).body, "metadata", "annotations", changedAnnotation);
}

test("a patch writes a new random value each time", async (t) => {
	const client = clientWith(t);
	const pod = await nodePod(cluster, { node });
	const values = new Set<unknown>();
	for (let times = 0; times < 3; times += 1) {
		t.is(await patchPod(client, pod, AbortSignal.timeout(5000)), "patched");
		values.add(await annotationOf(pod));
	}
	t.is(values.size, 3);
	for (const value of values) t.regex(String(value), /^[0-9a-f]{16}$/);
});

test("a pod that is gone, and a younger one of its name, are not patched", async (t) => {
	const client = clientWith(t);
	const old = await nodePod(cluster, { node });
	await cluster.request("DELETE", `${old.path}?gracePeriodSeconds=0`);
	t.is(await patchPod(client, old, AbortSignal.timeout(5000)), "gone");
	const young = await nodePod(cluster, { node, name: old.name });
	t.is(await patchPod(client, old, AbortSignal.timeout(5000)), "gone");
	t.is(await annotationOf(young), undefined);
});

test("what the provider may not patch is refused, and is no error", async (t) => {
	const pod = await nodePod(cluster, { node: "node-2" });
	t.is(await patchPod(clientWith(t), pod, AbortSignal.timeout(5000)), "refused");
	const powerless = await cluster.token("shop", "web", { audience: cluster.address });
	t.is(await patchPod(clientWith(t, { token: powerless }), pod, AbortSignal.timeout(5000)), "refused");
});

test("an API server that cannot be had or does not know the token is an error, which may pass", async (t) => {
	const pod = await nodePod(cluster, { node });
	for (const client of [clientWith(t, { address: "https://127.0.0.1:1" }), clientWith(t, { token: "unknown" })]) {
		await t.throwsAsync(patchPod(client, pod, AbortSignal.timeout(5000)), { code: "unreachable" });
	}
});

test("the watch tells of this node's pods alone, and of those alone that have not ended", async (t) => {
	const [own, ended, elsewhere] = await Promise.all([
		nodePod(cluster, { node }),
		nodePod(cluster, { node }),
		nodePod(cluster, { node: "node-2" }),
	]);
	await setPhase(ended, "Succeeded");
	const { lists } = watch(t, clientWith(t));
	await waitUntil(() => lists.length === 1);
	t.true(lists[0]?.has(own.uid));
	t.false(lists[0]?.has(ended.uid));
	t.false(lists[0]?.has(elsewhere.uid));
});

async function setPhase(pod: NodePod, phase: string): Promise<void> {
	await cluster.request("PATCH", `${pod.path}/status`, { status: { phase } });
}

for (const phase of ["Succeeded", "Failed"]) {
	test(`a pod is gone when its phase is ${phase}`, async (t) => {
		const pod = await nodePod(cluster, { node });
		const { gone, lists } = watch(t, clientWith(t));
		await waitUntil(() => lists.length === 1);
		await setPhase(pod, "Running");
		await setPhase(pod, phase);
		await waitUntil(() => gone.has(pod.uid));
		t.pass();
	});
}

test("a pod that is being deleted is gone when it is deleted, not before", async (t) => {
	const [pod, later] = await Promise.all([nodePod(cluster, { node }), nodePod(cluster, { node })]);
	const { gone, lists } = watch(t, clientWith(t));
	await waitUntil(() => lists.length === 1);
	await cluster.request("DELETE", pod.path);
	t.truthy(field((await cluster.request("GET", pod.path)).body, "metadata", "deletionTimestamp"));
	// Events come in order, so when the second pod's end was told, the first one's deletion had been seen.
	await cluster.request("DELETE", `${later.path}?gracePeriodSeconds=0`);
	await waitUntil(() => gone.has(later.uid));
	t.false(gone.has(pod.uid));
	await cluster.request("DELETE", `${pod.path}?gracePeriodSeconds=0`);
	await waitUntil(() => gone.has(pod.uid));
});

test("without the right to list pods the trouble is told once, with its remedy, and tried on", async (t) => {
	const powerless = await cluster.token("shop", "web", { audience: cluster.address });
	const client = clientWith(t, { token: powerless });
	const { troubles, lists } = watch(t, client);
	await waitUntil(() => troubles.length === 1);
	t.regex(troubles[0]?.text ?? "", /403.*manifests\/deploy\/push/);
	t.deepEqual(lists, []);
});

test("a broken watch goes on where it was, and one that is too old begins with a list", async (t) => {
	const api = await startScriptedApi(t);
	const { gone, lists, troubles } = watch(t, clientWith(t, api));
	await api.answerList({ metadata: { resourceVersion: "10" }, items: [{ metadata: { uid: "a" } }, { metadata: { uid: "b" } }] });
	const first = await api.watch();
	t.regex(first.path, /resourceVersion=10\b/);
	first.send({ type: "BOOKMARK", object: { metadata: { resourceVersion: "15" } } });
	first.send({ type: "DELETED", object: { metadata: { uid: "a", resourceVersion: "17" } } });
	await waitUntil(() => gone.has("a"));
	first.cut();
	const second = await api.watch();
	t.regex(second.path, /resourceVersion=17\b/);
	second.send({ type: "ERROR", object: { code: 410 } });
	await api.answerList({ metadata: { resourceVersion: "30" }, items: [{ metadata: { uid: "c" } }] });
	const third = await api.watch();
	t.regex(third.path, /resourceVersion=30\b/);
	third.end();
	const fourth = await api.watch();
	t.regex(fourth.path, /resourceVersion=30\b/, "the end of a watch is no trouble");
	t.deepEqual(
		lists.map((uids) => [...uids]),
		[["a", "b"], ["c"]],
	);
	t.is(troubles.length, 1, "the cut");
});
