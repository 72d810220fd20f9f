import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { ProviderError } from "../../provider/errors.ts";
import { KubernetesClient } from "../../provider/kubernetes/client.ts";
import { removeStartupTaint } from "../../provider/kubernetes/startup-taint.ts";
import { render } from "../manifests/helm.ts";
import { field, textField } from "../servers/kubernetes/api-client.ts";
import { type Cluster, startCluster } from "../servers/kubernetes/cluster.ts";
import { Objects } from "../servers/kubernetes/objects.ts";
import { startTestProvider } from "../support/provider.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { waitUntil } from "../support/wait-until.ts";

const key = "claviger.dev/not-ready";
const own = { key, effect: "NoSchedule" };
const other = { key: "example.test/maintenance", value: "soon", effect: "NoExecute" };
const fence = "ValidatingAdmissionPolicy 'claviger-startup-taint'";

let cluster: Cluster;
let token: string;

test.before(async () => {
	cluster = await startCluster();
	await cluster.createServiceAccount("claviger-system", "claviger");
	const manifests = await render({ startupTaint: { enabled: true, key } });
	const wanted = manifests.filter(({ metadata }) => metadata.name === "claviger-startup-taint");
	for (const object of wanted) await new Objects(cluster).create(object);
	token = await tokenOn("node-1");
	await makeNode("elsewhere", [own]);
	await waitUntil(async () => (await answerTo(token, "elsewhere", { spec: { unschedulable: true } })).includes(fence), 30_000);
});
test.after.always(() => cluster?.stop());

/** The token of a provider on a node, bound to its pod there. */
async function tokenOn(node: string): Promise<string> {
	const name = `claviger-on-${node}`;
	const { body } = await cluster.request("POST", "/api/v1/namespaces/claviger-system/pods", {
		metadata: { name },
		spec: { serviceAccountName: "claviger", nodeName: node, containers: [{ name: "provider", image: "none" }] },
	});
	const pod = { name, namespace: "claviger-system", serviceAccount: "claviger", uid: textField(body, "metadata", "uid") };
	return cluster.token("claviger-system", "claviger", { audience: cluster.address, pod });
}

async function makeNode(name: string, taints: readonly object[]): Promise<void> {
	const metadata = { name, labels: { pool: "shop" }, annotations: { kept: "as it is" } };
	const { status, body } = await cluster.request("POST", "/api/v1/nodes", { metadata });
	if (status !== 201) throw new Error(`the node was answered ${status}: ${JSON.stringify(body)}`);
	// A new node gets a taint of Kubernetes' own, which goes with this.
	await cluster.request("PATCH", `/api/v1/nodes/${name}`, { spec: { taints } });
}

async function taintsOf(name: string): Promise<unknown> {
	return field((await cluster.request("GET", `/api/v1/nodes/${name}`)).body, "spec", "taints");
}

/** The API server's message for a patch, or the status when there is none. */
async function answerTo(caller: string, node: string, patch: object): Promise<string> {
	const { status, body } = await cluster.request("PATCH", `/api/v1/nodes/${node}`, patch, caller);
	return status === 200 ? "done" : `${status} ${String(field(body, "message"))}`;
}

/** Makes the node of `token` anew. */
async function ownNode(t: ExecutionContext<unknown>, taints: readonly object[]): Promise<void> {
	await makeNode("node-1", taints);
	t.teardown(() => cluster.request("DELETE", "/api/v1/nodes/node-1"));
}

function clientWith(t: ExecutionContext<unknown>, caller = token): KubernetesClient {
	const tokenFile = join(temporaryDirectory(t), "token");
	writeFileSync(tokenFile, caller);
	const client = new KubernetesClient({ address: cluster.address, tokenFile, caFile: cluster.caFile });
	t.teardown(() => client.close());
	return client;
}

interface Removal {
	readonly result: Promise<string>;
	readonly troubles: readonly ProviderError[];
	stop(): void;
}

function remove(client: Pick<KubernetesClient, "call">, node = "node-1"): Removal {
	const troubles: ProviderError[] = [];
	const stopping = new AbortController();
	const onTrouble = (error: ProviderError) => void troubles.push(error);
	const result = removeStartupTaint(client, { node, key }, onTrouble, stopping.signal);
	return { result, troubles, stop: () => stopping.abort() };
}

for (const [taints, left] of [
	[[own], undefined],
	[[other, own], [other]],
	[[own, { key, effect: "NoExecute" }, other], [other]],
] as const) {
	test.serial(`of the taints ${taints.map(({ key, effect }) => `${key}:${effect}`).join(", ")} the provider removes its own`, async (t) => {
		await ownNode(t, taints);
		const { result, troubles } = remove(clientWith(t));
		t.is(await result, "removed");
		t.deepEqual(await taintsOf("node-1"), left);
		t.deepEqual(troubles, []);
	});
}

test.serial("a node without the taint is left alone", async (t) => {
	await ownNode(t, [other]);
	const { result } = remove(clientWith(t));
	t.is(await result, "absent");
	t.deepEqual(await taintsOf("node-1"), [other]);
});

test.serial("a taint that another program sets in the meantime stays", async (t) => {
	await ownNode(t, [own]);
	const client = clientWith(t);
	let calls = 0;
	const racing: Pick<KubernetesClient, "call"> = {
		async call(method, path, signal, body) {
			calls += 1;
			if (calls === 2) await cluster.request("PATCH", "/api/v1/nodes/node-1", { spec: { taints: [own, other] } });
			return client.call(method, path, signal, body);
		},
	};
	const { result, troubles } = remove(racing);
	t.is(await result, "removed");
	t.deepEqual(await taintsOf("node-1"), [other]);
	t.deepEqual(troubles, [], "a change of the node in between is no trouble");
});

test.serial("trouble is told once with its remedy, and the removal goes on until it succeeds", async (t) => {
	const { result, troubles } = remove(clientWith(t));
	await waitUntil(() => troubles.length === 1);
	t.regex(troubles[0]?.text ?? "", /404 to get of node node-1.*--node-name/);
	await ownNode(t, [own]);
	t.is(await result, "removed");
	t.is(troubles.length, 1);
});

test.serial("without the right to it the removal says what to install, and ends with the provider", async (t) => {
	await cluster.createServiceAccount("shop", "web");
	const { result, troubles, stop } = remove(clientWith(t, await cluster.token("shop", "web", { audience: cluster.address })));
	await waitUntil(() => troubles.length === 1);
	t.is(troubles[0]?.code, "denied");
	t.regex(troubles[0]?.text ?? "", /startupTaint\.enabled=true/);
	stop();
	t.is(await result, "stopped");
});

for (const [what, patch] of [
	["another taint away", { spec: { taints: [own] } }],
	["a taint", { spec: { taints: [own, other, { key: "x", effect: "NoSchedule" }] } }],
	["its own taint to another effect", { spec: { taints: [{ ...own, effect: "NoExecute" }, other] } }],
	["its own taint away and another in its place", { spec: { taints: [other, { key: "x", effect: "NoSchedule" }] } }],
	["all taints away", { spec: { taints: null } }],
	["that no pods come", { spec: { taints: [other], unschedulable: true } }],
	["a provider's identity", { spec: { taints: [other], providerID: "x" } }],
	["a label", { spec: { taints: [other] }, metadata: { labels: { pool: "other" } } }],
	["an annotation", { spec: { taints: [other] }, metadata: { annotations: { added: "x" } } }],
	["a finalizer", { spec: { taints: [other] }, metadata: { finalizers: ["example.test/x"] } }],
] as const) {
	test.serial(`the provider may not write ${what}`, async (t) => {
		await ownNode(t, [own, other]);
		const answer = await answerTo(token, "node-1", patch);
		t.true(answer.startsWith("403") || answer.startsWith("422"), answer);
		t.true(answer.includes(fence), answer);
		t.is(await answerTo(cluster.adminToken, "node-1", { spec: { taints: [own, other] } }), "done", "nobody else is held up");
	});
}

test.serial("the provider may not touch another node, nor any with a token that names none", async (t) => {
	await ownNode(t, [own]);
	const unbound = await cluster.token("claviger-system", "claviger", { audience: cluster.address });
	t.true((await answerTo(token, "elsewhere", { spec: { taints: null } })).includes(fence));
	t.true((await answerTo(unbound, "node-1", { spec: { taints: null } })).includes(fence));
});

test.serial("even with more rights the provider may neither make nor delete a node, nor write its status", async (t) => {
	await ownNode(t, [own]);
	await cluster.request("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
		metadata: { name: "too-much" },
		roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
		subjects: [{ kind: "ServiceAccount", namespace: "claviger-system", name: "claviger" }],
	});
	t.teardown(() => cluster.request("DELETE", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/too-much"));
	for (const [method, path, body] of [
		["POST", "/api/v1/nodes", { metadata: { name: "made" } }],
		["DELETE", "/api/v1/nodes/node-1", undefined],
		["PATCH", "/api/v1/nodes/node-1/status", { status: { conditions: [] } }],
	] as const) {
		const { status, body: answer } = await cluster.request(method, path, body, token);
		t.true(status === 403 || status === 422, `${method} ${path}: ${status}`);
		t.true(textField(answer, "message").includes(fence), `${method} ${path}`);
	}
});

test.serial("a provider removes the taint of its node once its sockets are served", async (t) => {
	await ownNode(t, [own, other]);
	const tokenFile = join(temporaryDirectory(t), "token");
	writeFileSync(tokenFile, token);
	const api = ["--kubernetes-api", cluster.address, "--kubernetes-ca", cluster.caFile, "--kubernetes-token-file", tokenFile];
	const provider = await startTestProvider(t, { flags: [...api, "--node-name", "node-1", "--startup-taint", key] });
	await waitUntil(() => provider.logs.some((line) => line.includes("removed the startup taint")));
	t.deepEqual(await taintsOf("node-1"), [other]);
	const [served, removed] = ["serving", "removed the startup taint"].map((text) => provider.logs.findIndex((line) => line.includes(text)));
	t.true(Number(served) < Number(removed));
});

for (const flags of [[], ["--kubernetes-api", "https://127.0.0.1:1"]]) {
	test(`a startup taint with only ${flags[0] ?? "nothing"} beside it does not start, and says what is missing`, async (t) => {
		const error = await t.throwsAsync(startTestProvider(t, { flags: ["--startup-taint", key, ...flags] }), { instanceOf: ProviderError });
		t.regex(error?.text ?? "", flags.length === 0 ? /needs the API server/ : /needs --node-name.*CLAVIGER_NODE_NAME/);
	});
}
