import { createServer } from "node:net";
import test from "ava";
import { ProviderError } from "../../provider/errors.ts";
import { parseListenAddress, startHealthServer } from "../../provider/telemetry/health.ts";
import { createMetrics } from "../../provider/telemetry/metrics.ts";
import { listenDuring } from "../support/loopback.ts";

test("health is there at once, readiness when the sockets are served, metrics in the text format of Prometheus", async (t) => {
	const metrics = await createMetrics();
	const server = await startHealthServer({ host: "127.0.0.1", port: 0 }, metrics);
	t.teardown(() => server.stop());
	const get = async (path: string) => {
		const response = await fetch(`http://${server.address}${path}`);
		return { status: response.status, text: await response.text() };
	};
	t.is((await get("/healthz")).status, 200);
	t.is((await get("/readyz")).status, 503);
	server.setReady(true);
	t.is((await get("/readyz?verbose")).status, 200);
	t.is((await get("/secrets")).status, 404);
	metrics.mount("vault", "ok", 0.002);
	metrics.mount("vault", "denied", 1.5);
	metrics.cacheHit();
	metrics.staleServed(12.5);
	const { text } = await get("/metrics");
	for (const line of [
		'claviger_mounts_total{provider="vault",code="ok"} 1',
		'claviger_mounts_total{provider="vault",code="denied"} 1',
		"claviger_cache_hits_total 1",
		"claviger_cache_misses_total 0",
		"claviger_stale_seconds 12.5",
		'claviger_mount_duration_seconds_bucket{provider="vault",le="0.0025"} 1',
		'claviger_mount_duration_seconds_bucket{provider="vault",le="+Inf"} 2',
		'claviger_mount_duration_seconds_sum{provider="vault"} 1.502',
		'claviger_mount_duration_seconds_count{provider="vault"} 2',
	]) {
		t.true(text.includes(`${line}\n`), line);
	}
});

test("an address that is taken is told by the flag's name", async (t) => {
	const port = await listenDuring(t, createServer());
	const error = await t.throwsAsync(startHealthServer({ host: "127.0.0.1", port }, await createMetrics()), { instanceOf: ProviderError });
	t.regex(error?.text ?? "", /^--http 127\.0\.0\.1:\d+ is taken\. Choose another address\.$/);
});

for (const [text, expected] of [
	["127.0.0.1:8085", { host: "127.0.0.1", port: 8085 }],
	["[::1]:80", { host: "::1", port: 80 }],
	[":8080", { host: "::", port: 8080 }],
	["localhost:0", { host: "localhost", port: 0 }],
	["8085", undefined],
	["host:", undefined],
	["host:65536", undefined],
	["::1:80", undefined],
	["", undefined],
] as const) {
	test(`the address ${JSON.stringify(text)} is ${expected === undefined ? "none" : JSON.stringify(expected)}`, (t) => {
		t.deepEqual(parseListenAddress(text), expected);
	});
}
