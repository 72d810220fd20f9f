import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import fc from "fast-check";
import { policyRules } from "../../provider/errors.ts";
import { createMetrics, type Metrics, noMetrics } from "../../provider/telemetry/metrics.ts";
import { registeredMetrics } from "./registered-metrics.ts";

const readme = readFileSync(join(import.meta.dirname, "../../provider/telemetry/README.md"), "utf8");

interface Documented {
	readonly name: string;
	readonly type: string;
	readonly labels: readonly string[];
}

function documented(): readonly Documented[] {
	return [...readme.matchAll(/^\| `(\w+)` \| (counter|gauge|histogram) \| ([^|]+) \|/gm)].map(([, name = "", type = "", labels = ""]) => ({
		name,
		type,
		labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = ""]) => label).sort(),
	}));
}

function sample(text: string, series: string): number {
	const line = text.split("\n").find((candidate) => candidate.startsWith(`${series} `));
	return Number(line?.slice(series.length + 1));
}

const byName = (one: Documented, other: Documented) => one.name.localeCompare(other.name);

test("README's table is what there is: every metric with its type and its labels", async (t) => {
	const registered = (await registeredMetrics()).map(({ name, type, labels }) => ({ name, type, labels: [...labels].sort() }));
	t.deepEqual([...documented()].sort(byName), registered.sort(byName));
});

test("names follow the conventions of Prometheus, and no label could name a pod, a namespace or a secret", async (t) => {
	for (const { name, type, labels } of await registeredMetrics()) {
		t.is(name.endsWith("_total"), type === "counter", name);
		if (type === "histogram") t.regex(name, /_(seconds|bytes)$/);
		for (const label of labels)
			t.true(
				[
					"provider",
					"code",
					"stage",
					"rule",
					"type",
					"store",
					"operation",
					"outcome",
					"decision",
					"event",
					"version",
					"node_version",
				].includes(label),
				`${name} ${label}`,
			);
	}
});

test("README lists every rule of policy, and every rule is one that some refusal names", (t) => {
	const section = readme.split("### Rules of policy")[1]?.split("\n## ")[0] ?? "";
	t.deepEqual([...section.matchAll(/`([a-z-]+)`/g)].map(([, rule]) => rule).sort(), [...policyRules].sort());
	const sources = ["policy/endpoints", "policy/audiences", "policy/gate", "policy/token-claims", "policy/key-verifier", "net/address-guard"]
		.map((file) => readFileSync(join(import.meta.dirname, `../../provider/${file}.ts`), "utf8"))
		.join("");
	t.deepEqual(
		policyRules.filter((rule) => !sources.includes(`"${rule}"`)),
		[],
	);
});

test("a histogram counts each value in its bucket and all above", async (t) => {
	await fc.assert(
		fc.asyncProperty(
			fc.array(fc.oneof(fc.double({ min: 0, max: 200, noNaN: true }), fc.constantFrom(0.0005, 0.25, 1, 100)), { maxLength: 30 }),
			async (seconds) => {
				const metrics = await createMetrics();
				for (const value of seconds) metrics.stage("fetch", value);
				const text = await metrics.text();
				const bucket = (bound: number | string) =>
					sample(text, `claviger_mount_stage_duration_seconds_bucket{stage="fetch",le="${bound}"}`);
				return (
					[0.0005, 0.25, 1, 100].every((bound) => bucket(bound) === seconds.filter((value) => value <= bound).length) &&
					bucket("+Inf") === seconds.length &&
					sample(text, 'claviger_mount_stage_duration_seconds_count{stage="fetch"}') === seconds.length
				);
			},
		),
		{ numRuns: 30 },
	);
	t.pass();
});

test("a store is up after any answer, down after an outage, and neither after a call that was given up", async (t) => {
	const metrics = await createMetrics();
	const store = metrics.store({ type: "vault", store: "main" });
	const up = async () => sample(await metrics.text(), 'claviger_store_up{type="vault",store="main"}');
	t.is(await up(), Number.NaN, "nobody has asked yet");
	for (const [code, expected] of [
		["ok", 1],
		["unreachable", 0],
		["stopped", 0],
		["denied", 1],
		["stopped", 1],
		["unreachable", 0],
		["invalid", 1],
	] as const) {
		metrics.store({ type: "vault", store: "main" }).called("read", code, 0.01);
		t.is(await up(), expected, code);
	}
	store.waiting(1);
	store.waiting(-1);
	store.underWay(1);
	const text = await metrics.text();
	t.is(sample(text, 'claviger_store_requests_waiting{type="vault",store="main"}'), 0);
	t.is(sample(text, 'claviger_store_requests_under_way{type="vault",store="main"}'), 1);
	t.is(sample(text, 'claviger_store_requests_total{type="vault",store="main"}'), 1);
});

test("what is looked up on demand is looked up each time, and a store that nobody holds anything of has no age", async (t) => {
	const metrics = await createMetrics();
	let seconds: number | undefined = 42;
	metrics.surveyWith(() => ({
		volumes: 3,
		behind: 1,
		removalsHeldBack: true,
		sessions: 2,
		values: 5,
		valueBytes: 600,
		leases: 4,
		valueAges: new Map(seconds === undefined ? [] : [[{ type: "vault", store: "main" }, seconds]]),
		retries: { granted: 7, refused: 8 },
	}));
	const first = await metrics.text();
	const expected: Readonly<Record<string, number>> = {
		claviger_volumes: 3,
		claviger_volumes_behind: 1,
		claviger_revocation_breaker_open: 1,
		claviger_leases: 4,
		claviger_cache_bytes: 600,
		'claviger_held_value_age_seconds{type="vault",store="main"}': 42,
		'claviger_store_retries_total{decision="refused"}': 8,
	};
	for (const [series, value] of Object.entries(expected)) t.is(sample(first, series), value, series);
	seconds = undefined;
	t.is(sample(await metrics.text(), 'claviger_held_value_age_seconds{type="vault",store="main"}'), 0);
});

test("without an address to ask for them nothing is counted", async (t) => {
	const metrics: Metrics = noMetrics;
	metrics.mount("vault", "ok", 1);
	metrics.store({ type: "vault", store: "vault" }).called("read", "ok", 1);
	t.is(await metrics.text(), "");
});
