import test from "ava";
import { type Cluster, startCluster } from "../../servers/kubernetes/cluster.ts";
import { startApiFront } from "../../servers/kubernetes/front.ts";
import { makePod } from "../../support/pods.ts";
import { startTestProvider } from "../../support/provider.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { deleteSecret, expectSuccess, frontFlags, grant, makeNamespace, openSite, putSecret, type Site, textOf } from "./harness.ts";

// The poll interval is ten minutes here: what is seen sooner, a watch has told.

let cluster: Cluster;
test.before(async () => {
	cluster = await startCluster();
});
test.after.always(() => cluster?.stop());

const db = { name: "db", secret: "db", key: "password", onRevoked: "delete" };
const slow = { ages: "default", flags: ["--poll-interval", "10m"] } as const;

/** A provider that has delivered the Secret to one pod, and watches it. */
async function openWatched(t: Parameters<typeof openSite>[0], options: Parameters<typeof putSecret>[4] = {}) {
	const site = await openSite(t, cluster, slow);
	const take = await grant(cluster, { namespace: site.namespace });
	await putSecret(cluster, site.namespace, "db", { password: "one" }, options);
	const pod = await site.pod();
	t.is(textOf(await site.mount(pod, [db]), "db"), "one");
	return { ...site, web: pod, take, put: (password: string) => putSecret(cluster, site.namespace, "db", { password }) };
}

function changes({ provider }: Site): number {
	return provider.logs.filter((line) => line.includes('"object_changed"')).length;
}

test("a change is known within milliseconds, is one read, and is in the next answer", async (t) => {
	const site = await openWatched(t);
	await waitUntil(() => site.front.openWatches() === 1);
	t.is(site.front.reads().length, 1, "a watch that begins reads nothing again");
	const times: number[] = [];
	for (let round = 1; round <= 20; round += 1) {
		await site.put(`value ${round}`);
		const before = performance.now();
		await waitUntil(() => changes(site) === round);
		times.push(performance.now() - before);
		t.is(textOf(await site.mount(site.web, [db]), "db"), `value ${round}`);
	}
	t.is(site.front.reads().length, 21);
	times.sort((one, other) => one - other);
	t.log(`changed → known: median ${times[10]?.toFixed(1)} ms, most ${times.at(-1)?.toFixed(1)} ms`);
	t.true((times[10] ?? 1000) < 500);
});

test("labels and annotations are no change", async (t) => {
	const site = await openWatched(t);
	const { versions } = await site.mount(site.web, [db]);
	await waitUntil(() => site.front.openWatches() === 1);
	const path = `/api/v1/namespaces/${site.namespace}/secrets/db`;
	await expectSuccess(cluster.request("PATCH", path, { metadata: { labels: { team: "shop" } } }));
	await waitUntil(() => site.front.reads().length === 2);
	t.deepEqual((await site.mount(site.web, [db])).versions, versions);
	t.is(changes(site), 0);
});

test("a Secret that is deleted takes its file with it, and brings it back when it is made anew", async (t) => {
	const site = await openWatched(t);
	await waitUntil(() => site.front.openWatches() === 1);
	await deleteSecret(cluster, site.namespace, "db");
	await waitUntil(() => changes(site) === 1);
	t.deepEqual([...(await site.mount(site.web, [db])).files.keys()], [".revoked"]);
	await site.put("two");
	await waitUntil(() => changes(site) === 2);
	t.is(textOf(await site.mount(site.web, [db]), "db"), "two");
});

test("a watch that the server ends goes on where it was, and misses nothing", async (t) => {
	const site = await openWatched(t);
	await waitUntil(() => site.front.openWatches() === 1);
	await site.put("two");
	await waitUntil(() => changes(site) === 1);
	site.front.misbehave({ kind: "status", status: 503 }, /watch=1/);
	site.front.endWatches();
	await waitUntil(() => site.front.watches().length >= 2);
	await site.put("three");
	t.is(changes(site), 1);
	site.front.misbehave(undefined);
	await waitUntil(() => changes(site) === 2);
	t.regex(site.front.watches().at(-1) ?? "", /&resourceVersion=\d+$/);
	t.is(site.provider.logs.filter((line) => line.includes('"watch_failed"')).length, 1, "a trouble is told once");
});

for (const [what, expire] of [
	["an event", (site: Site) => site.front.tell({ type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired" } })],
	[
		"an answer",
		(site: Site) => {
			site.front.misbehave({ kind: "status", status: 410 }, /watch=1.*resourceVersion/);
			site.front.endWatches();
		},
	],
] as const) {
	test(`a server that has forgotten where the watch was (410 as ${what}) is watched from now on`, async (t) => {
		const site = await openWatched(t);
		await waitUntil(() => site.front.openWatches() === 1);
		await site.put("two");
		await waitUntil(() => changes(site) === 1);
		expire(site);
		await waitUntil(() => site.front.watches().length >= 2 && site.front.openWatches() === 1);
		t.false(site.front.watches().at(-1)?.includes("resourceVersion"));
		const reads = site.front.reads().length;
		await site.put("three");
		await waitUntil(() => changes(site) === 2);
		t.is(site.front.reads().length, reads + 1, "only what has changed is read again");
	});
}

test("a Secret that goes while nobody watches is missed by the watch that begins after it", async (t) => {
	const site = await openWatched(t);
	await waitUntil(() => site.front.openWatches() === 1);
	site.front.misbehave({ kind: "status", status: 410 }, /watch=1/);
	site.front.endWatches();
	await waitUntil(() => site.front.watches().length >= 2);
	await deleteSecret(cluster, site.namespace, "db");
	site.front.misbehave(undefined);
	await waitUntil(() => changes(site) === 1);
	t.deepEqual([...(await site.mount(site.web, [db])).files.keys()], [".revoked"]);
});

test("a right that is taken away is found when the watch is renewed, and the file goes", async (t) => {
	const site = await openWatched(t);
	await waitUntil(() => site.front.openWatches() === 1);
	await site.take();
	site.front.endWatches();
	await waitUntil(() => changes(site) === 1);
	t.deepEqual([...(await site.mount(site.web, [db])).files.keys()], [".revoked"]);
});

test("without the right to watch, the poll sees changes, and the log says so once", async (t) => {
	const site = await openSite(t, cluster, { ages: "default", flags: ["--poll-interval", "1s"] });
	await grant(cluster, { namespace: site.namespace, verbs: ["get"] });
	await putSecret(cluster, site.namespace, "db", { password: "one" });
	const web = await site.pod();
	await site.mount(web, [db]);
	const told = () => site.provider.logs.filter((line) => line.includes('"watch_failed"'));
	await waitUntil(() => told().length === 1);
	t.regex(told()[0] ?? "", /"level":"info".*Add the verb watch beside get in its role: kubectl edit roles/);
	await putSecret(cluster, site.namespace, "db", { password: "two" });
	await waitUntil(() => changes(site) === 1);
	t.is(textOf(await site.mount(web, [db]), "db"), "two");
	t.is(told().length, 1);
});

test("an immutable Secret is not watched, until it is another one", async (t) => {
	const site = await openSite(t, cluster, { ages: "default", flags: ["--poll-interval", "1s"] });
	await grant(cluster, { namespace: site.namespace });
	await putSecret(cluster, site.namespace, "db", { password: "one" }, { immutable: true });
	const web = await site.pod();
	await site.mount(web, [db]);
	await waitUntil(() => site.front.reads().length >= 3);
	t.is(site.front.watches().length, 0);
	await deleteSecret(cluster, site.namespace, "db");
	await putSecret(cluster, site.namespace, "db", { password: "two" });
	await waitUntil(() => site.front.openWatches() === 1);
	t.is(textOf(await site.mount(web, [db]), "db"), "two");
});

test("many pods and keys are one watch, which ends with the last of them", async (t) => {
	const site = await openSite(t, cluster, { ages: "default", flags: ["--poll-interval", "1s"] });
	await grant(cluster, { namespace: site.namespace });
	await putSecret(cluster, site.namespace, "db", { password: "one", user: "app" });
	const objects = [db, { name: "user", secret: "db", key: "user" }, { name: "all", path: "db" }];
	for (let count = 0; count < 5; count += 1) await site.mount(await site.pod(), objects);
	await waitUntil(() => site.front.openWatches() === 1);
	await waitUntil(() => site.front.reads().length > 3);
	t.is(site.front.watches().length, 1);
	const before = performance.now();
	await site.provider.stop();
	await waitUntil(() => site.front.openWatches() === 0);
	t.true(performance.now() - before < 3000, "a provider that stops does not wait for another login");
});

test("a watch outlives its login by the token that a pod has brought since", async (t) => {
	const namespace = await makeNamespace(cluster);
	await putSecret(cluster, namespace, "db", { password: "one" });
	// Tokens of a real cluster last ten minutes at least, so short ones of another maker's stand in front of one.
	const front = await startApiFront(t, cluster, { token: cluster.adminToken });
	const flags = ["--poll-interval", "10m", ...frontFlags(front)];
	const provider = await startTestProvider(t, {
		policy: "stores: {main: {type: kubernetes}}",
		providers: "claviger",
		ages: "default",
		flags,
	});
	const pod = makePod({ namespace, serviceAccount: "web" });
	const objects = JSON.stringify([db]);
	const mount = async (lifetime: number) => {
		const tokens = { "": await provider.issuer.token(pod, { lifetime, audience: "https://api.example" }) };
		return textOf(await provider.mount("claviger", pod, { objects }, { tokens }), "db");
	};
	// A login is given up ten seconds before its token ends.
	t.is(await mount(13), "one");
	await waitUntil(() => front.openWatches() === 1);
	t.is(await mount(3600), "one");
	await waitUntil(() => front.reads().length === 2);
	await putSecret(cluster, namespace, "db", { password: "two" });
	await waitUntil(() => provider.logs.some((line) => line.includes('"object_changed"')));
	t.is(await mount(3600), "two");
	t.is(front.watches().length, 1, "the stream went on meanwhile");
});

test("a node watches 128 Secrets, and says of the others that they are polled", async (t) => {
	const site = await openSite(t, cluster, slow);
	await grant(cluster, { namespace: site.namespace });
	const names = Array.from({ length: 130 }, (_, index) => `s${index}`);
	await Promise.all(names.map((name) => putSecret(cluster, site.namespace, name, { value: name })));
	await site.mount(
		await site.pod(),
		names.map((name) => ({ name, secret: name, key: "value" })),
	);
	await waitUntil(() => site.front.openWatches() === 128);
	const told = site.provider.logs.filter((line) => line.includes('"watch_failed"'));
	t.is(told.length, 2);
	t.regex(told[0] ?? "", /128 Secrets are watched already/);
});

test("a server that ends every watch at once is not asked without a pause", async (t) => {
	const site = await openWatched(t);
	site.front.misbehave({ kind: "status", status: 200 }, /watch=1/);
	site.front.endWatches();
	await waitUntil(() => site.front.watches().length >= 3);
	const before = performance.now();
	await waitUntil(() => site.front.watches().length >= 5);
	t.true(performance.now() - before >= 1000, "the pauses grow");
	await site.put("two");
	site.front.misbehave(undefined);
	await waitUntil(() => changes(site) === 1);
});
