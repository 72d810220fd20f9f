import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { tracesUrl } from "../../provider/telemetry/tracing.ts";
import { startLatencyProxy } from "../servers/latency-proxy.ts";
import { enableJwt, enableKv, startVault, writeJwtRole, writePolicy } from "../servers/vault/vault.ts";
import { makePod } from "../support/pods.ts";
import { startTestProvider } from "../support/provider.ts";
import { createTokenIssuer } from "../support/token-issuer.ts";
import { waitUntil } from "../support/wait-until.ts";
import { type ReceivedSpan, startCollector } from "./collector.ts";

const secretName = "payroll-master";
const secretValue = "correct horse battery staple";

async function setUp(t: ExecutionContext, tracesTo: string) {
	const [vault, issuer] = await Promise.all([startVault(t), createTokenIssuer()]);
	await Promise.all([enableJwt(vault, issuer), enableKv(vault, "kv", 1)]);
	await vault.api("POST", `kv/${secretName}`, { password: secretValue });
	await writePolicy(vault, "shop", { "kv/*": ["read"] });
	await writeJwtRole(vault, { name: "shop", policies: ["shop"], fields: { token_ttl: "1h" } });
	const proxy = await startLatencyProxy(t, { target: vault.address });
	const provider = await startTestProvider(t, {
		issuer,
		policy: `stores:\n  main: {type: vault, address: "${proxy.address}", authMount: jwt, role: shop}\n`,
		flags: ["--traces", tracesTo, "--node-name", "node-7", "--http", "127.0.0.1:0"],
	});
	const objects = (path: string) => ({ objects: `- {name: db, store: main, path: ${path}}` });
	return { provider, proxy, objects };
}

function named(spans: readonly ReceivedSpan[], name: string): ReceivedSpan {
	const found = spans.find((span) => span.name === name);
	if (found === undefined) throw new Error(`no span ${name} among ${spans.map((span) => span.name).join(", ")}`);
	return found;
}

test("a Mount is one trace: its stages, its calls to the store, and the HTTP exchanges of these; no secret and no secret's name", async (t) => {
	const collector = await startCollector(t);
	const { provider, objects } = await setUp(t, collector.address);
	const pod = makePod();
	const { files } = await provider.mount("claviger", pod, objects(`kv/${secretName}`));
	t.regex(files.get("db")?.contents.toString() ?? "", new RegExp(secretValue));
	await provider.stop();
	t.deepEqual(new Set(collector.paths), new Set(["/v1/traces"]));
	t.like(collector.resource, { "service.name": "claviger", "k8s.node.name": "node-7" });
	const mount = named(collector.spans, "Mount");
	t.is(mount.parentSpanId, undefined);
	t.is(mount.status, 0);
	t.like(mount.attributes, {
		"claviger.provider": "claviger",
		"k8s.pod.uid": pod.uid,
		"k8s.namespace.name": "shop",
		"k8s.pod.name": "web-0",
	});
	for (const stage of ["plan", "policy", "fetch", "render"]) t.is(named(collector.spans, stage).parentSpanId, mount.spanId, stage);
	for (const operation of ["login", "read"]) {
		const call = named(collector.spans, `store ${operation}`);
		t.is(call.parentSpanId, mount.spanId, operation);
		t.like(call.attributes, { "claviger.store": "main", "claviger.store.type": "vault" });
		const exchange = collector.spans.find((span) => span.parentSpanId === call.spanId);
		t.is(exchange?.attributes["http.response.status_code"], 200, operation);
		t.true(exchange !== undefined && exchange.startNanoseconds >= call.startNanoseconds && exchange.endNanoseconds <= call.endNanoseconds);
	}
	const inside = collector.spans.filter((span) => span !== mount);
	for (const span of inside) {
		t.is(span.traceId, mount.traceId, span.name);
		t.true(span.startNanoseconds >= mount.startNanoseconds && span.endNanoseconds <= mount.endNanoseconds, span.name);
	}
	t.is(collector.spans.length, 9, "one Mount, four stages, two calls, two exchanges");
	t.false(collector.text().includes(secretValue));
	t.false(collector.text().includes(secretName));
});

test("a Mount that fails is a failed span, by code alone", async (t) => {
	const collector = await startCollector(t);
	const { provider, proxy, objects } = await setUp(t, `${collector.address}/custom/path`);
	await t.throwsAsync(provider.mount("claviger", makePod(), objects("kv/other")));
	proxy.misbehave({ kind: "reset" });
	await t.throwsAsync(provider.mount("claviger", makePod({ serviceAccount: "another" }), objects(`kv/${secretName}`)));
	await provider.stop();
	t.deepEqual(new Set(collector.paths), new Set(["/custom/path"]));
	const [absent, unreachable] = collector.spans.filter(({ name }) => name === "Mount");
	t.is(absent?.status, 2);
	t.is(absent?.attributes["error.type"], "absent");
	t.is(unreachable?.attributes["error.type"], "unreachable");
	const failed = collector.spans.filter(({ traceId, status }) => traceId === unreachable?.traceId && status === 2).map(({ name }) => name);
	t.true(failed.includes("store login") && failed.includes("POST"), failed.join(", "));
	t.false(collector.text().includes(secretName));
});

test("a collector that takes nothing is a count and one line, and no Mount's problem", async (t) => {
	const collector = await startCollector(t, 400);
	const { provider, objects } = await setUp(t, collector.address);
	t.is((await provider.mount("claviger", makePod(), objects(`kv/${secretName}`))).files.size, 1);
	await waitUntil(() => collector.paths.length > 0);
	t.is((await provider.mount("claviger", makePod(), objects(`kv/${secretName}`))).files.size, 1);
	const serving = provider.logs.find((line) => line.includes('"message":"serving"'));
	const { http } = JSON.parse(serving ?? "{}") as { readonly http: string };
	await waitUntil(async () => /^claviger_trace_export_failures_total 1$/m.test(await (await fetch(`http://${http}/metrics`)).text()));
	t.is(provider.logs.filter((line) => line.includes("traces_lost")).length, 1);
});

for (const [text, expected] of [
	["http://collector:4318", "http://collector:4318/v1/traces"],
	["http://collector:4318/", "http://collector:4318/v1/traces"],
	["https://collector/otlp/v1/traces", "https://collector/otlp/v1/traces"],
	["collector:4318", undefined],
	["grpc://collector:4317", undefined],
	["http://user:password@collector", undefined],
] as const) {
	test(`traces to ${text} go ${expected === undefined ? "nowhere" : `to ${expected}`}`, (t) => t.is(tracesUrl(text), expected));
}

test("an endpoint of traces is read or refused, whatever is written", (t) => {
	fc.assert(
		fc.property(fc.oneof(fc.webUrl({ validSchemes: ["http", "https", "ftp"] }), fc.string()), (text) => {
			const url = tracesUrl(text);
			return url === undefined || (/^https?:$/.test(new URL(url).protocol) && tracesUrl(url) === url);
		}),
	);
	t.pass();
});
