import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { type Cluster, startCluster } from "../../servers/kubernetes/cluster.ts";
import type { Misbehaviour } from "../../servers/latency-proxy.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { waitUntil } from "../../support/wait-until.ts";
import { boundPod, grant, openSite, putSecret, textOf } from "./harness.ts";

let cluster: Cluster;
test.before(async () => {
	cluster = await startCluster();
});
test.after.always(() => cluster?.stop());

const db = { name: "db", secret: "db", key: "password" };

test("rights: one Secret of a role, and what is said of all others", async (t) => {
	const { namespace, pod, mount, refusal } = await openSite(t, cluster);
	for (const name of ["db", "db2"]) await putSecret(cluster, namespace, name, { password: `of ${name}` });
	const before = await refusal(await pod(), [db]);
	t.is(before.errorCode, "denied");
	await grant(cluster, { namespace, secrets: ["db"] });
	t.is(textOf(await mount(await pod(), [db]), "db"), "of db");
	const there = await refusal(await pod(), [{ ...db, secret: "db2" }]);
	const notThere = await refusal(await pod(), [{ ...db, secret: "nope" }]);
	t.is(there.errorCode, "denied");
	t.is(there.details.replaceAll("db2", "nope"), notThere.details, "whether a Secret exists is not told to who may not get it");
	t.is((await refusal(await pod("stranger"), [db])).errorCode, "denied", "what one account was given is not the other's");
	await grant(cluster, { namespace });
	t.is((await refusal(await pod(), [{ ...db, secret: "nope" }])).errorCode, "absent", "who may get all is told");
});

test("what a refusal says gives the right", async (t) => {
	const { namespace, pod, refusal } = await openSite(t, cluster);
	const { details } = await refusal(await pod(), [db]);
	t.is(
		details,
		`objects[0] "db": The API server does not let the service account ${namespace}/web get the Secret "db" in the namespace ${namespace}; whether there is one, it does not say. ` +
			`Run: kubectl create role claviger-db --namespace ${namespace} --verb=get,watch --resource=secrets --resource-name=db && ` +
			`kubectl create rolebinding claviger-db-web --namespace ${namespace} --role=claviger-db --serviceaccount=${namespace}:web`,
	);
});

const status = (reason: string, kind?: string) =>
	JSON.stringify({ kind: "Status", reason, ...(kind === undefined ? {} : { details: { kind } }) });

/** What the server does, and what becomes of it. */
const answers: readonly (readonly [what: string, behaviour: Misbehaviour, code: string, text: RegExp])[] = [
	["401", { kind: "status", status: 401, body: status("Unauthorized") }, "unidentified", /does not take the token .* \{audience: ""\}/],
	["403", { kind: "status", status: 403, body: status("Forbidden", "secrets") }, "denied", /kubectl create role/],
	["403 of a proxy", { kind: "status", status: 403, body: "<html>blocked</html>" }, "unreachable", /something that no API server says/],
	["404", { kind: "status", status: 404, body: status("NotFound", "secrets") }, "absent", /has no Secret "db"/],
	["404 of another server", { kind: "status", status: 404, body: "404 page not found" }, "unreachable", /no API server/],
	["404 of another kind", { kind: "status", status: 404, body: status("NotFound") }, "unreachable", /answered 404/],
	["410", { kind: "status", status: 410, body: status("Expired") }, "unreachable", /answered 410 .* "Expired"/],
	[
		"429 for longer than anybody waits",
		{ kind: "status", status: 429, headers: { "retry-after": "45" }, body: status("TooManyRequests") },
		"unreachable",
		/answered 429|left alone/,
	],
	["500", { kind: "status", status: 500, body: status("InternalError") }, "unreachable", /answered 500/],
	["503 without a body", { kind: "status", status: 503 }, "unreachable", /answered 503/],
	["a page", { kind: "status", status: 200, body: "<html>welcome</html>" }, "unreachable", /no Secret/],
	["an empty object", { kind: "status", status: 200, body: "{}" }, "unreachable", /no Secret/],
	[
		"another Secret",
		{ kind: "status", status: 200, body: '{"kind":"Secret","metadata":{"name":"other","namespace":"shop"},"data":{}}' },
		"unreachable",
		/no Secret/,
	],
	["half an answer", { kind: "truncate" }, "unreachable", /unreachable/],
	["a cut connection", { kind: "reset" }, "unreachable", /unreachable/],
	["an answer without an end", { kind: "endless" }, "too-large", /more than/],
	["a redirect", { kind: "redirect", location: "https://elsewhere.example/" }, "unreachable", /redirects to elsewhere/],
];

for (const [what, behaviour, code, text] of answers) {
	test(`${what}: ${code}`, async (t) => {
		const { front, pod, refusal } = await openSite(t, cluster);
		front.misbehave(behaviour, /secrets/);
		const error = await refusal(await pod(), [db]);
		t.is(error.errorCode, code, error.details);
		t.regex(error.details, text);
	});
}

test("an API server that is in haste is asked again when it has said", async (t) => {
	const { front, namespace, pod, mount } = await openSite(t, cluster);
	await grant(cluster, { namespace });
	await putSecret(cluster, namespace, "db", { password: "hunter2" });
	front.misbehave({ kind: "status", status: 429, headers: { "retry-after": "1" }, body: status("TooManyRequests") });
	const [web, before] = [await pod(), performance.now()];
	const mounting = mount(web, [db]);
	await waitUntil(() => front.reads().length === 1);
	front.misbehave(undefined);
	t.is(textOf(await mounting, "db"), "hunter2");
	t.true(performance.now() - before >= 1000);
});

test("no API server, and one of another authority", async (t) => {
	const without = await openSite(t, cluster, { flags: ["--kubernetes-api", "https://127.0.0.1:1"] });
	const refused = await without.refusal(await without.pod(), [db]);
	t.is(refused.errorCode, "unreachable");
	t.regex(refused.details, /127\.0\.0\.1:1 is unreachable: the connection was refused/);
	const foreign = await openSite(t, cluster, { flags: ["--kubernetes-ca", cluster.caFile] });
	t.regex((await foreign.refusal(await foreign.pod(), [db])).details, /not trusted/);
});

test("the token is for the API server or nobody, and whose it is the server tells", async (t) => {
	const { front, namespace, provider, pod, mount, refusal } = await openSite(t, cluster);
	await grant(cluster, { namespace });
	await putSecret(cluster, namespace, "db", { password: "hunter2" });
	const web = await pod();
	const none = await refusal({ ...web, tokens: {} }, [db]);
	t.is(none.errorCode, "unidentified");
	t.regex(
		none.details,
		/No token for the API server \(audience ""\) came with the request \(none came at all\)\. Add \{audience: ""\} to spec\.tokenRequests/,
	);
	const vault = await cluster.token(namespace, "web", { audience: "vault", pod: web.pod });
	t.regex((await refusal({ ...web, tokens: { vault } }, [db])).details, /there are "vault"/);
	t.deepEqual(front.requests, [], "nobody was asked");
	const wrong = await refusal({ ...web, tokens: { "": vault } }, [db]);
	t.is(wrong.errorCode, "unidentified");
	t.regex(wrong.details, /does not take the token of the service account .*\/web\. .*--api-audiences/);
	const stranger = await boundPod(cluster, namespace, "stranger");
	t.regex((await refusal({ ...web, tokens: stranger.tokens }, [db])).details, /belongs to service account .*\/stranger/);
	t.is(textOf(await mount(web, [db]), "db"), "hunter2");
	const shown = [...provider.logs, JSON.stringify(provider.audited())].join("\n");
	for (const token of [vault, ...Object.values(web.tokens)]) t.false(shown.includes(token.split(".")[2] ?? ""), "no token is logged");
});

test("a login whose pod is gone gives way to that of another pod, and nobody notices", async (t) => {
	const { namespace, pod, mount } = await openSite(t, cluster);
	await grant(cluster, { namespace });
	await putSecret(cluster, namespace, "db", { password: "hunter2" });
	const [first, second] = [await pod(), await pod()];
	await mount(first, [db]);
	await cluster.request("DELETE", `/api/v1/namespaces/${namespace}/pods/${first.pod.name}?gracePeriodSeconds=0`);
	// The API server believes a token for ten seconds after its pod has gone.
	const isEnded = async () => (await cluster.request("GET", "/api/v1", undefined, first.tokens[""])).status === 401;
	await waitUntil(isEnded, 30_000);
	t.is(textOf(await mount(second, [db]), "db"), "hunter2");
});

test("a TokenReview of the API server's own token is one without an audience", async (t) => {
	const file = join(temporaryDirectory(t), "token");
	writeFileSync(file, cluster.reviewerToken);
	const site = await openSite(t, cluster, { flags: ["--token-verification", "review", "--kubernetes-token-file", file] });
	await grant(cluster, { namespace: site.namespace });
	await putSecret(cluster, site.namespace, "db", { password: "hunter2" });
	const web = await site.pod();
	t.is(textOf(await site.mount(web, [db]), "db"), "hunter2");
	const vault = await cluster.token(site.namespace, "web", { audience: "vault", pod: web.pod });
	const refused = await site.refusal({ ...web, tokens: { "": vault } }, [db]);
	t.is(refused.errorCode, "unidentified");
	t.deepEqual(site.front.reads().filter((request) => request.includes("secrets")).length, 1);
});
