import test from "ava";
import { type Cluster, startCluster } from "../../servers/kubernetes/cluster.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { grant, openSite, putSecret, textOf } from "./harness.ts";

let cluster: Cluster;
test.before(async () => {
	cluster = await startCluster();
});
test.after.always(() => cluster?.stop());

const secrets = Array.from({ length: 10 }, (_, index) => `s${index}`);
const objects = secrets.flatMap((secret) => [
	{ name: secret, secret, key: "value" },
	{ name: `${secret}-user`, secret, key: "user" },
]);

async function openReaders(t: Parameters<typeof openSite>[0], pollInterval: string) {
	const site = await openSite(t, cluster, { ages: "default", flags: ["--poll-interval", pollInterval] });
	await grant(cluster, { namespace: site.namespace, verbs: ["get"] });
	await Promise.all(secrets.map((secret) => putSecret(cluster, site.namespace, secret, { value: `of ${secret}`, user: "app" })));
	return site;
}

test("a hundred pods of one service account read each Secret once, and remounts nothing", async (t) => {
	const site = await openReaders(t, "10m");
	const pods = await Promise.all(Array.from({ length: 100 }, () => site.pod()));
	const mountAll = () => Promise.all(pods.map((pod) => site.mount(pod, objects)));
	t.true((await mountAll()).every((mounted) => mounted.files.size === 20 && textOf(mounted, "s9") === "of s9"));
	const paths = secrets.map((secret) => `GET /api/v1/namespaces/${site.namespace}/secrets/${secret}`);
	t.deepEqual(site.front.reads().toSorted(), paths);
	await mountAll();
	t.is(site.front.reads().length, 10);
});

test("a poll that is due asks for each Secret once, however many pods hold it", async (t) => {
	const site = await openReaders(t, "3s");
	const pods = await Promise.all(Array.from({ length: 20 }, () => site.pod()));
	await Promise.all(pods.map((pod) => site.mount(pod, objects)));
	await waitUntil(() => site.front.reads().length >= 20);
	const counts = Map.groupBy(site.front.reads(), (request) => request);
	t.deepEqual(new Set([...counts.values()].map(({ length }) => length)), new Set([2]));
});

test("two accounts share nothing", async (t) => {
	const site = await openReaders(t, "10m");
	const one = [{ name: "s0", secret: "s0", key: "value" }];
	const [web, stranger] = [await site.pod(), await site.pod("stranger")];
	await site.mount(web, one);
	for (let round = 0; round < 5; round += 1) {
		const [mounted, refused] = await Promise.all([site.mount(web, one), site.refusal(stranger, one)]);
		t.is(textOf(mounted, "s0"), "of s0");
		t.is(refused.errorCode, "denied");
	}
});
