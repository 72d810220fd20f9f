import test from "ava";
import { type Cluster, startCluster } from "../../servers/kubernetes/cluster.ts";
import { startApiFront } from "../../servers/kubernetes/front.ts";
import { CallFailure } from "../../support/mount-client.ts";
import { startTestProvider } from "../../support/provider.ts";
import { boundPod, clusterIssuer, frontFlags, grant, openSite, putSecret, textOf } from "./harness.ts";

let cluster: Cluster;
test.before(async () => {
	cluster = await startCluster();
});
test.after.always(() => cluster?.stop());

const db = { name: "db", secret: "db", key: "password" };

test("another namespace is open where rights and policy both say so", async (t) => {
	const closed = await openSite(t, cluster);
	await cluster.createServiceAccount("shared", "owner").catch(() => {});
	await putSecret(cluster, "shared", "db", { password: "of all" });
	await grant(cluster, { namespace: "shared", account: { namespace: closed.namespace, name: "web" } });
	const shared = { ...db, namespace: "shared" };
	const refused = await closed.refusal(await closed.pod(), [shared]);
	t.is(refused.errorCode, "invalid");
	t.regex(refused.details, /policy opens no other namespace here\. .*stores\.main\.namespaces/);
	t.deepEqual(closed.front.requests, []);
	const open = await openSite(t, cluster, { store: { namespaces: ["shared"] } });
	t.is((await open.refusal(await open.pod(), [shared])).errorCode, "denied", "policy alone gives no right");
	await grant(cluster, { namespace: "shared", account: { namespace: open.namespace, name: "web" } });
	t.is(textOf(await open.mount(await open.pod(), [shared]), "db"), "of all");
});

test("the account that every pod has without choosing one needs the administrator's word", async (t) => {
	const site = await openSite(t, cluster);
	await cluster.createServiceAccount(site.namespace, "default");
	await grant(cluster, { namespace: site.namespace, account: { namespace: site.namespace, name: "default" } });
	await putSecret(cluster, site.namespace, "db", { password: "hunter2" });
	const pod = await site.pod("default");
	const refused = await site.refusal(pod, [db]);
	t.is(refused.errorCode, "refused");
	t.regex(refused.details, /takes no pods of the service account shop-\w+\/default\. .*stores\.main\.defaultServiceAccounts/);
	t.deepEqual(site.front.requests, []);
	const policy = JSON.stringify({ stores: { main: { type: "kubernetes", defaultServiceAccounts: [site.namespace] } } });
	const issuer = await clusterIssuer(cluster);
	const open = await startTestProvider(t, { policy, providers: "claviger", issuer, flags: frontFlags(site.front) });
	const objects = JSON.stringify([{ store: "main", ...db }]);
	t.is(textOf(await open.mount("claviger", pod.pod, { objects }, { tokens: pod.tokens }), "db"), "hunter2");
});

/** A class that says itself which cluster it means. */
async function mountClass(t: Parameters<typeof openSite>[0], store: object, policy: object, audience: string) {
	const front = await startApiFront(t, cluster);
	await cluster.createServiceAccount("classes", "web").catch(() => {});
	const { pod, tokens } = await boundPod(cluster, "classes", "web", audience === "" ? cluster.address : audience);
	await putSecret(cluster, "classes", "db", { password: "hunter2" });
	const provider = await startTestProvider(t, {
		policy: JSON.stringify(policy),
		providers: "claviger",
		issuer: await clusterIssuer(cluster),
		flags: frontFlags(front),
	});
	const parameters = { stores: JSON.stringify({ k: { type: "kubernetes", ...store } }), objects: JSON.stringify([db]) };
	const mounting = provider.mount("claviger", pod, parameters, { tokens: { [audience]: tokens[""] ?? "" } });
	const outcome = await mounting.then(
		(mounted) => textOf(mounted, "db"),
		(error: unknown) => (error instanceof CallFailure ? error : undefined),
	);
	return { front, outcome };
}

test.serial("a class may name its own cluster without the administrator, and rights decide", async (t) => {
	const without = await mountClass(t, {}, {}, "");
	t.is(without.outcome instanceof CallFailure ? without.outcome.errorCode : without.outcome, "denied");
	await grant(cluster, { namespace: "classes" });
	t.is((await mountClass(t, {}, {}, "")).outcome, "hunter2");
});

for (const [what, store, policy, audience, text] of [
	[
		"the API server by its address",
		{ address: "https://127.0.0.1:6443", audience: "other" },
		{},
		"other",
		/is the API server|lies on this node/,
	],
	[
		"the API server's usual name",
		{ address: "https://kubernetes.default.svc", audience: "other" },
		{ profile: "compatible" },
		"other",
		/lies on this node or is the API server/,
	],
	["another cluster, unlisted", { address: "https://api.example:6443", audience: "other" }, {}, "other", /not in the policy's endpoints/],
	[
		"another cluster with this one's audience",
		{ address: "https://api.example:6443", audience: "https://kubernetes.default.svc" },
		{ profile: "compatible" },
		"https://kubernetes.default.svc",
		/carry all of a pod's rights in this cluster, and https:\/\/api\.example:6443 is not its API server/,
	],
	[
		"a metadata address",
		{ address: "https://169.254.169.254", audience: "other" },
		{ profile: "compatible" },
		"other",
		/is a metadata address/,
	],
] as const) {
	test.serial(`a class may not name ${what}`, async (t) => {
		const { front, outcome } = await mountClass(t, store, policy, audience);
		if (!(outcome instanceof CallFailure)) throw new Error("the mount did not fail");
		t.is(outcome.errorCode, "refused", outcome.details);
		t.regex(outcome.details, text);
		t.deepEqual(front.requests, []);
	});
}

test("another cluster is asked with a token of its own audience, and says what to mend", async (t) => {
	const other = await startApiFront(t, cluster);
	const store = { address: other.address, caFile: other.caFile, audience: "other-cluster" };
	const site = await openSite(t, cluster, { store });
	const bound = await boundPod(cluster, site.namespace, "web", "other-cluster");
	const pod = { ...bound, tokens: { "other-cluster": bound.tokens[""] ?? "" } };
	const refused = await site.refusal(pod, [db]);
	t.is(refused.errorCode, "unidentified", refused.details);
	t.regex(
		refused.details,
		/The API server at https:\/\/127\.0\.0\.1:\d+ does not take the token .* trust this cluster's issuer with the audience "other-cluster"/,
	);
	t.deepEqual([site.front.requests.length, other.requests.length], [0, 1]);
});

test("a token for the API server is refused where an administrator's store leads to another cluster", async (t) => {
	const other = await startApiFront(t, cluster);
	const store = { address: other.address, caFile: other.caFile, audience: "https://kubernetes.default.svc" };
	const site = await openSite(t, cluster, { store });
	const pod = await site.pod();
	const refused = await site.refusal({ ...pod, tokens: { "https://kubernetes.default.svc": pod.tokens[""] ?? "" } }, [db]);
	t.is(refused.errorCode, "refused");
	t.deepEqual(other.requests, []);
});

test("outside a cluster the store says what is missing", async (t) => {
	const site = await openSite(t, cluster);
	const pod = await site.pod();
	const issuer = await clusterIssuer(cluster);
	const provider = await startTestProvider(t, { policy: "stores: {main: {type: kubernetes}}", providers: "claviger", issuer });
	const mounting = provider.mount("claviger", pod.pod, { objects: JSON.stringify([db]) }, { tokens: pod.tokens });
	const error = await t.throwsAsync(mounting, { instanceOf: CallFailure });
	t.is(error?.errorCode, "invalid");
	t.regex(error?.details ?? "", /the provider knows none\. Run the provider inside the cluster, or give --kubernetes-api/);
});
