import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import test from "ava";
import { stores } from "../../provider/stores/index.ts";
import { goBinary } from "../servers/go-binary.ts";
import { type Cluster, startCluster } from "../servers/kubernetes/cluster.ts";
import { Objects } from "../servers/kubernetes/objects.ts";
import { waitUntil } from "../support/wait-until.ts";
import { chartFolder, type HelmResult, render, renderText, runHelm, type Values } from "./helm.ts";
import { at, parseManifests, readManifests } from "./read-manifests.ts";
import { renderings } from "./renderings.ts";
import { schemaLocation, writeSchemas } from "./schemas.ts";

let cluster: Cluster;
let schemas: string;
const sets = Object.entries(renderings);

test.before(async () => {
	cluster = await startCluster();
	await serveMonitoringKinds();
	schemas = join(cluster.directory, "schemas");
	mkdirSync(schemas);
	const all = await Promise.all(sets.map(([, values]) => render(values)));
	await writeSchemas(cluster, schemas, [...all.flat(), ...readManifests("deploy"), ...readManifests("deploy/push")]);
});
test.after.always(() => cluster?.stop());

/** The kinds that a cluster has when the Prometheus operator is installed. */
async function serveMonitoringKinds(): Promise<void> {
	const file = join(import.meta.dirname, "monitoring-crds.yaml");
	for (const definition of parseManifests(readFileSync(file, "utf8"), file)) await new Objects(cluster).create(definition);
	await waitUntil(async () => {
		const { body } = await cluster.request("GET", "/openapi/v3/apis/monitoring.coreos.com/v1");
		const text = JSON.stringify(body ?? "");
		return text.includes('"ServiceMonitor"') && text.includes('"PrometheusRule"');
	}, 30_000);
}

/** Creates objects for nothing but the answer. */
const rehearsal = () =>
	new Objects({ request: (method, path, body) => cluster.request(method, method === "POST" ? `${path}&dryRun=All` : path, body) });

/** What kubeconform finds wrong with manifests; "" for nothing. */
async function kubeconform(text: string): Promise<string> {
	const file = join(schemas, "manifests.yaml");
	writeFileSync(file, text);
	const parameters = ["-strict", "-schema-location", schemaLocation(schemas), file];
	return promisify(execFile)(await goBinary("kubeconform"), parameters).then(
		({ stdout }) => stdout,
		(error: { stdout?: string; stderr?: string }) => `${error.stdout}${error.stderr}` || String(error),
	);
}

test.serial("an API server takes every object of deploy, with no field unknown to it", async (t) => {
	const objects = new Objects(cluster);
	for (const object of readManifests("deploy")) await t.notThrowsAsync(objects.create(object));
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
		["GET", "/api/v1/nodes", 403],
		["POST", "/apis/authentication.k8s.io/v1/tokenreviews", 403, { spec: { token: "x" } }],
		["POST", "/api/v1/namespaces/claviger-system/serviceaccounts/claviger/token", 403, { spec: {} }],
	] as const) {
		const answer = await cluster.request(method, path, body, token);
		t.is(answer.status, status, `${method} ${path}`);
	}
});

for (const [name, values] of sets) {
	test.serial(`with ${name} kubeconform and the API server take every object of the chart`, async (t) => {
		t.is(await kubeconform(await renderText(values)), "");
		// An object of another release, because the names of this one are taken.
		for (const object of await render(values, "another"))
			if (object.kind !== "Namespace") await t.notThrowsAsync(rehearsal().create(object));
	});
}

for (const [what, change] of [
	["a field in the wrong place", (text: string) => text.replace("enableServiceLinks:", "enableServiceLink:")],
	["a number for a text", (text: string) => text.replace("path: /readyz", "path: 1")],
	["a kind that is none", (text: string) => text.replace("kind: DaemonSet", "kind: DemonSet")],
] as const) {
	test.serial(`kubeconform finds ${what}`, async (t) => {
		const text = await renderText();
		t.not(change(text), text);
		t.not(await kubeconform(change(text)), "");
	});
}

/** Helm on the cluster, as an administrator. */
function helm(action: string, values: Values = {}): Promise<HelmResult> {
	const place = ["--namespace", "installed", "--kube-apiserver", cluster.address, "--kube-ca-file", cluster.caFile];
	const common = [action, "keys", ...place, "--kube-token", cluster.adminToken];
	return action === "uninstall" ? runHelm(common) : runHelm([...common, chartFolder], values);
}

test.serial("Helm installs it, turns options on and off, tells the next commands, and takes all away again", async (t) => {
	await new Objects(cluster).create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "installed" } });
	const installed = await helm("install", { fullnameOverride: "keys" });
	t.true(installed.succeeded, installed.output);
	// Each store's usual one; further ones belong to a provider name or to an option of a store. The API server's own carries
	// all of a pod's rights, so that it is asked for only where the policy names a store of Secrets.
	const usual = stores.filter(({ isOfCluster = false }) => !isOfCluster).flatMap(({ audiences }) => audiences.slice(0, 1));
	t.notRegex(installed.output, /"audience":""/);
	for (const audience of [...usual, "openbao"])
		t.true(installed.output.includes(`].audience=${audience}`) && installed.output.includes(`"audience":"${audience}"`), installed.output);
	t.regex(installed.output, /enableSecretRotation=true/);
	t.regex(installed.output, /still the example/);
	t.regex(installed.output, /names no store/);
	t.notRegex(installed.output, /rotationPollInterval/);

	const policy = { content: { stores: { main: { type: "vault", address: "https://vault.example" }, secrets: { type: "kubernetes" } } } };
	const values = { fullnameOverride: "keys", push: { enabled: true }, startupTaint: { enabled: true }, providers: ["claviger"], policy };
	const upgraded = await helm("upgrade", { ...values, image: { repository: "registry.test/claviger" } });
	t.regex(upgraded.output, /rotationPollInterval=1s/);
	t.regex(upgraded.output, /\[\{"audience":"vault"\},\{"audience":""\}\]/);
	t.regex(upgraded.output, /all the rights of the pod's service account/);
	t.regex(upgraded.output, /tokenRequests\[0\]\.audience=vault/);
	t.notRegex(upgraded.output, /still the example|names no store|\[2\]/);
	t.deepEqual((await ofRelease()).toSorted(), [
		...["ClusterRole keys-push", "ClusterRole keys-startup-taint", "DaemonSet keys"],
		...["ValidatingAdmissionPolicy keys-push", "ValidatingAdmissionPolicy keys-startup-taint"],
	]);
	const clouds = await helm("upgrade", {
		fullnameOverride: "keys",
		providers: ["aws", "gcp", "claviger"],
		policy: {
			content: {
				dialects: { gcp: { workloadPool: "shop.svc.id.goog" } },
				stores: { vm: { type: "azure", identity: "binding" }, own: { type: "vault", audience: "vault-eu" } },
			},
		},
	});
	t.deepEqual(
		[...clouds.output.matchAll(/\]\.audience=([^' ]+)/g)].map(([, audience]) => audience),
		["sts.amazonaws.com", "pods.eks.amazonaws.com", "shop.svc.id.goog", "vault-eu", "api://AKSIdentityBinding"],
	);
	const off = await helm("upgrade", { fullnameOverride: "keys" });
	t.true(off.succeeded, off.output);
	t.deepEqual(await ofRelease(), ["DaemonSet keys"]);
	const removed = await helm("uninstall");
	t.true(removed.succeeded, removed.output);
	t.deepEqual(await ofRelease(), []);
});

/** Objects of the release, of some kinds. */
async function ofRelease(): Promise<readonly string[]> {
	const kinds = [
		["apps/v1", "DaemonSet"],
		["rbac.authorization.k8s.io/v1", "ClusterRole"],
		["admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"],
	] as const;
	const lists = kinds.map(async ([apiVersion, kind]) => {
		const objects = await new Objects(cluster).list({ apiVersion, kind, namespace: "installed" }, "app.kubernetes.io/instance=keys");
		return objects.map((object) => `${kind} ${String(at(object, "metadata", "name"))}`);
	});
	return (await Promise.all(lists)).flat();
}
