import { randomUUID } from "node:crypto";
import test from "ava";
import { changedAnnotation } from "../../provider/kubernetes/pod-patch.ts";
import { at, readManifests } from "../manifests/read-manifests.ts";
import { field, textField } from "../servers/kubernetes/api-client.ts";
import { type Cluster, startCluster } from "../servers/kubernetes/cluster.ts";
import { installPush, nodePod } from "./push-support.ts";

let cluster: Cluster;
let token: string;

test.before(async () => {
	cluster = await startCluster();
	await cluster.createServiceAccount("shop", "web");
	token = await installPush(cluster, "node-1");
});
test.after.always(() => cluster?.stop());

test("the fence is applied before the right that it fences", (t) => {
	const kinds = readManifests("deploy/push").map(({ kind }) => kind);
	t.deepEqual(kinds, ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ClusterRole", "ClusterRoleBinding"]);
});

const changed = { [changedAnnotation]: "0123456789abcdef" };

for (const [what, patch, status] of [
	["its one annotation", { metadata: { annotations: changed } }, 200],
	["another annotation", { metadata: { annotations: { other: "x" } } }, 403],
	["its annotation together with another", { metadata: { annotations: { ...changed, other: "x" } } }, 403],
	["the value of an annotation that was there", { metadata: { annotations: { kept: "other" } } }, 403],
	["an annotation away", { metadata: { annotations: { kept: null } } }, 403],
	["all annotations away", { metadata: { annotations: null } }, 403],
	["a message into its annotation", { metadata: { annotations: { [changedAnnotation]: "hello" } } }, 403],
	["a label", { metadata: { labels: { app: "x" } } }, 403],
	["a label away", { metadata: { labels: null } }, 403],
	["a finalizer", { metadata: { finalizers: ["example.test/x"] } }, 403],
	["an owner", { metadata: { ownerReferences: [{ apiVersion: "v1", kind: "Node", name: "n", uid: randomUUID() }] } }, 403],
	["a time limit", { spec: { activeDeadlineSeconds: 1 } }, 403],
] as const) {
	test(`the provider ${status === 200 ? "writes" : "may not write"} ${what}`, async (t) => {
		const pod = await nodePod(cluster, { node: "node-1" });
		t.is(await patchAs(token, pod.path, patch), status);
	});
}

test("the provider may not write an image", async (t) => {
	const pod = await nodePod(cluster, { node: "node-1" });
	// A merge patch replaces a list, so it holds the whole container.
	const containers = field((await cluster.request("GET", pod.path)).body, "spec", "containers");
	const patch = { spec: { containers: [{ ...Object(at(containers, 0)), image: "other" }] } };
	t.is(await patchAs(cluster.adminToken, `${pod.path}?dryRun=All`, patch), 200);
	t.is(await patchAs(token, pod.path, patch), 403);
});

for (const [what, options] of [
	["of another node", { node: "node-2" }],
	["of no node", {}],
	["without a volume of the driver", { node: "node-1", volumes: [] }],
] as const) {
	test(`the provider may not touch a pod ${what}`, async (t) => {
		const pod = await nodePod(cluster, options);
		t.is(await patchAs(token, pod.path, { metadata: { annotations: changed } }), 403);
	});
}

test("a token that names no node opens nothing", async (t) => {
	const unbound = await cluster.token("claviger-system", "claviger", { audience: cluster.address });
	for (const options of [{ node: "node-1" }, {}]) {
		const pod = await nodePod(cluster, options);
		t.is(await patchAs(unbound, pod.path, { metadata: { annotations: changed } }), 403);
	}
});

test("even with more rights the provider may neither make, end nor evict a pod", async (t) => {
	await cluster.request("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
		metadata: { name: "too-much" },
		roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
		subjects: [{ kind: "ServiceAccount", namespace: "claviger-system", name: "claviger" }],
	});
	t.teardown(() => cluster.request("DELETE", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/too-much"));
	const pod = await nodePod(cluster, { node: "node-1" });
	const spec = { serviceAccountName: "web", containers: [{ name: "main", image: "none" }] };
	for (const [method, path, body] of [
		["POST", "/api/v1/namespaces/shop/pods", { metadata: { name: "made" }, spec }],
		["DELETE", pod.path, undefined],
		["POST", `${pod.path}/eviction`, { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: pod.name, namespace: "shop" } }],
	] as const) {
		const { status, body: answer } = await cluster.request(method, path, body, token);
		t.is(status, 403, `${method} ${path}`);
		t.regex(textField(answer, "message"), /ValidatingAdmissionPolicy 'claviger-push'/, `${method} ${path}`);
	}
});

test("nobody else is held up by it", async (t) => {
	const pod = await nodePod(cluster, { node: "node-2" });
	t.is(await patchAs(cluster.adminToken, pod.path, { metadata: { labels: { app: "x" } } }), 200);
});

async function patchAs(caller: string, path: string, patch: object): Promise<number> {
	const { status } = await cluster.request("PATCH", path, patch, caller);
	return status;
}
