import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { KubernetesClient } from "../../provider/kubernetes/client.ts";
import { PodEvents } from "../../provider/kubernetes/pod-events.ts";
import { openNotices } from "../../provider/notices.ts";
import { readServeOptions } from "../../provider/options.ts";
import { createMetrics } from "../../provider/telemetry/metrics.ts";
import { type NodePod, nodePod } from "../kubernetes/push-support.ts";
import { field, textField } from "../servers/kubernetes/api-client.ts";
import { type Cluster, startCluster } from "../servers/kubernetes/cluster.ts";
import { enableJwt, enableKv, startVault, writeJwtRole, writePolicy } from "../servers/vault/vault.ts";
import { startTestProvider } from "../support/provider.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { createTokenIssuer } from "../support/token-issuer.ts";
import { waitUntil } from "../support/wait-until.ts";

let cluster: Cluster;
let teller: string;
let mute: string;

test.before(async () => {
	cluster = await startCluster();
	await cluster.createServiceAccount("shop", "web");
	for (const name of ["teller", "mute"]) await cluster.createServiceAccount("claviger-system", name);
	const rbac = "/apis/rbac.authorization.k8s.io/v1";
	await cluster.request("POST", `${rbac}/clusterroles`, {
		metadata: { name: "claviger-events" },
		rules: [{ apiGroups: ["events.k8s.io"], resources: ["events"], verbs: ["create"] }],
	});
	await cluster.request("POST", `${rbac}/clusterrolebindings`, {
		metadata: { name: "claviger-events" },
		roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "claviger-events" },
		subjects: [{ kind: "ServiceAccount", namespace: "claviger-system", name: "teller" }],
	});
	[teller, mute] = (await Promise.all(
		["teller", "mute"].map((name) => cluster.token("claviger-system", name, { audience: cluster.address })),
	)) as [string, string];
});
test.after.always(() => cluster?.stop());

interface Told {
	readonly type: string;
	readonly reason: string;
	readonly message: string;
}

/** What `kubectl describe pod` shows. */
async function eventsOf(pod: NodePod): Promise<readonly Told[]> {
	const selector = encodeURIComponent(`involvedObject.kind=Pod,involvedObject.uid=${pod.uid}`);
	const { body } = await cluster.request("GET", `/api/v1/namespaces/shop/events?fieldSelector=${selector}`);
	const items = field(body, "items");
	if (!Array.isArray(items)) throw new Error("no list of events");
	return items.map((item: unknown) => ({
		type: textField(item, "type"),
		reason: textField(item, "reason"),
		message: textField(item, "message"),
	}));
}

/** README's table of reasons, with their types. */
function documentedReasons(): Readonly<Record<string, string>> {
	const readme = readFileSync(join(import.meta.dirname, "../../provider/telemetry/README.md"), "utf8");
	const rows = readme.split("\n## Kubernetes Events\n")[1]?.matchAll(/^\| `(\w+)` \| (Normal|Warning) \|/gm) ?? [];
	return Object.fromEntries([...rows].map(([, reason, type]) => [reason, type]));
}

async function setUp(t: ExecutionContext, token: string) {
	const tokenFile = join(temporaryDirectory(t), "token");
	writeFileSync(tokenFile, token);
	const client = new KubernetesClient({ address: cluster.address, tokenFile, caFile: cluster.caFile });
	t.teardown(() => client.close());
	const warnings: object[] = [];
	const log = {
		debug: () => undefined,
		info: () => undefined,
		error: () => undefined,
		warn: (fields: object) => void warnings.push(fields),
	};
	return { client, warnings, log };
}

test("each thing that befalls a running pod is told on it, once, with what to do", async (t) => {
	const { client, log } = await setUp(t, teller);
	const options = readServeOptions(["--events", "on", "--node-name", "node-1", "--max-stale", "10h"], {});
	if (options === "help") throw new Error("no options");
	const metrics = await createMetrics();
	const notices = openNotices({ options, kubernetes: client, metrics, log });
	t.teardown(() => notices.stop());
	const pod = await nodePod(cluster, { node: "node-1" });
	for (let time = 0; time < 2; time += 1) {
		notices.revoked(pod, "db");
		notices.heldBack([pod], { held: 8, withdrawn: 6 });
		notices.unconfirmed("key", "main", 299, () => [pod]);
		notices.unconfirmed("key", "main", 301, () => [pod]);
		notices.stale(pod, 17_000);
		notices.stale(pod, 19_000);
		for (const event of ["renewed", "replaced", "failed", "ended", "released"] as const) notices.lease(event, "main", () => pod);
		notices.lease("ended", "main", () => undefined);
		notices.pushRefused(pod);
	}
	await waitUntil(async () => (await eventsOf(pod)).length >= 8);
	const told = await eventsOf(pod);
	t.is(told.length, 8);
	for (const { reason, message } of told) t.true(message.length > 80 && message.endsWith("."), reason);
	t.deepEqual(Object.fromEntries(told.map(({ reason, type }) => [reason, type])), documentedReasons());
	t.regex(told.find(({ reason }) => reason === "SecretRevoked")?.message ?? "", /object "db"/);
	t.regex(told.find(({ reason }) => reason === "StaleValue")?.message ?? "", /5 hours old.*From 10 hours on/);
	await waitUntil(async () => (await metrics.text()).includes('claviger_kubernetes_events_total{outcome="done"} 8\n'));
});

test("without the right to tell, one line says so, and nothing else happens", async (t) => {
	const { client, warnings, log } = await setUp(t, mute);
	const outcomes: string[] = [];
	const events = new PodEvents({ client, nodeName: "node-1", log, allows: () => true, told: (outcome) => outcomes.push(outcome) });
	const pod = await nodePod(cluster, { node: "node-1" });
	for (const subject of ["a", "b", "c"]) events.tell(pod, { type: "Warning", reason: "Test", action: "None", note: "A note.", subject });
	await waitUntil(() => outcomes.length === 3);
	await events.stop();
	t.deepEqual(outcomes, ["refused", "refused", "refused"]);
	t.is(warnings.length, 1);
	t.like(warnings[0], { event: "events_refused" });
	t.deepEqual(await eventsOf(pod), []);
});

test("no more is told than the rate allows, the longest names and notes are taken, and a stopped teller is silent", async (t) => {
	const { client, log } = await setUp(t, teller);
	let allowed = 2;
	const outcomes: string[] = [];
	const allows = () => {
		allowed -= 1;
		return allowed >= 0;
	};
	const events = new PodEvents({ client, nodeName: "n".repeat(253), log, allows, told: (outcome) => outcomes.push(outcome) });
	const pod = await nodePod(cluster, { node: "node-1", name: `${"p".repeat(235)}-${"q".repeat(17)}` });
	const event = { type: "Warning", reason: "Test", action: "None", note: "ü".repeat(800) } as const;
	for (const subject of ["a", "a", "b", "c"]) events.tell(pod, { ...event, subject });
	await waitUntil(() => outcomes.length === 2);
	t.deepEqual(outcomes, ["done", "done"]);
	const told = await eventsOf(pod);
	t.deepEqual(
		told.map(({ message }) => message),
		["ü".repeat(512), "ü".repeat(512)],
	);
	await events.stop();
	allowed = 10;
	events.tell(pod, { ...event, subject: "d" });
	t.is((await eventsOf(pod)).length, 2);
});

test("a running provider tells a pod of a revocation, and of a push that it may not make", async (t) => {
	const [vault, issuer, pod] = await Promise.all([startVault(t), createTokenIssuer(), nodePod(cluster, { node: "node-1" })]);
	await Promise.all([enableKv(vault, "kv", 1), enableJwt(vault, issuer)]);
	await vault.api("POST", "kv/db", { v: "secret" });
	await writePolicy(vault, "shop", { "kv/*": ["read"] });
	await writeJwtRole(vault, { name: "shop", policies: ["shop"] });
	const tokenFile = join(temporaryDirectory(t), "token");
	writeFileSync(tokenFile, teller);
	const api = ["--kubernetes-api", cluster.address, "--kubernetes-ca", cluster.caFile, "--kubernetes-token-file", tokenFile];
	const provider = await startTestProvider(t, {
		issuer,
		ages: "default",
		policy: `endpoints: []\nstores:\n  main: {type: vault, address: "${vault.address}", authMount: jwt, role: shop}\n`,
		flags: [...api, "--node-name", "node-1", "--events", "on", "--push", "annotation", "--poll-interval", "1s"],
	});
	const objects = "- {name: db, store: main, path: kv/db, onRevoked: delete}";
	t.true((await provider.mount("claviger", pod, { objects })).files.has("db"));
	await vault.api("DELETE", "kv/db");
	await waitUntil(async () => (await eventsOf(pod)).some(({ reason }) => reason === "PushRefused"));
	t.true((await provider.mount("claviger", pod, { objects })).files.has(".revoked"));
	await waitUntil(async () => (await eventsOf(pod)).some(({ reason, message }) => reason === "SecretRevoked" && message.includes('"db"')));
	t.is((await eventsOf(pod)).length, 2);
});

for (const [flags, expected] of [
	[["--events", "on", "--kubernetes-api", "https://127.0.0.1:1"], /^--events on needs --node-name\./],
	[["--events", "on", "--node-name", "node-1"], /--events on/],
] as const) {
	test(`events are refused at the start with ${flags.join(" ")}`, async (t) => {
		const { client, log } = await setUp(t, teller);
		const options = readServeOptions(flags, {});
		if (options === "help") throw new Error("no options");
		const kubernetes = options.kubernetesApi === undefined ? undefined : client;
		const metrics = await createMetrics();
		t.throws(() => openNotices({ options, kubernetes, metrics, log }), { message: expected });
	});
}
