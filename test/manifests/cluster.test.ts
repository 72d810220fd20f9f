import test from "ava";
import { type Cluster, startCluster } from "../servers/kubernetes/cluster.ts";
import { type Manifest, readManifests } from "./read-manifests.ts";

let cluster: Cluster;
test.before(async () => {
	cluster = await startCluster();
});
test.after.always(() => cluster?.stop());

/** How the API server calls the kinds, and whether they lie in a namespace. */
const plurals: Readonly<Record<string, string>> = {
	Namespace: "namespaces",
	ServiceAccount: "serviceaccounts",
	ConfigMap: "configmaps",
	Role: "roles",
	RoleBinding: "rolebindings",
	ClusterRoleBinding: "clusterrolebindings",
	DaemonSet: "daemonsets",
};

function collection({ apiVersion, kind, metadata }: Manifest): string {
	const group = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
	const namespace = metadata.namespace === undefined ? "" : `/namespaces/${metadata.namespace}`;
	return `${group}${namespace}/${plurals[kind]}`;
}

test.serial("an API server takes every object of deploy, with no field unknown to it", async (t) => {
	for (const object of readManifests("deploy")) {
		const { status, body } = await cluster.request("POST", `${collection(object)}?fieldValidation=Strict`, object);
		t.is(status, 201, `${object.kind} ${object.metadata.name}: ${JSON.stringify(body)}`);
	}
});

test.serial("the provider's account may do what it needs and nothing beside it", async (t) => {
	const token = await cluster.token("claviger-system", "claviger", { audience: cluster.address });
	const secrets = "/api/v1/namespaces/claviger-system/secrets";
	const secret = (name: string) => ({ metadata: { name }, data: {} });
	await cluster.request("POST", secrets, secret("another"));
	for (const [method, path, status, body] of [
		["GET", "/openid/v1/jwks", 200],
		["POST", secrets, 201, secret("claviger-version-key")],
		["GET", `${secrets}/claviger-version-key`, 200],
		["GET", `${secrets}/another`, 403],
		["GET", secrets, 403],
		["DELETE", `${secrets}/claviger-version-key`, 403],
		["GET", "/api/v1/namespaces/default/secrets", 403],
		["POST", "/api/v1/namespaces/default/secrets", 403, secret("x")],
		["GET", "/api/v1/pods", 403],
		["POST", "/apis/authentication.k8s.io/v1/tokenreviews", 403, { spec: { token: "x" } }],
		["POST", "/api/v1/namespaces/claviger-system/serviceaccounts/claviger/token", 403, { spec: {} }],
	] as const) {
		const answer = await cluster.request(method, path, body, token);
		t.is(answer.status, status, `${method} ${path}`);
	}
});
