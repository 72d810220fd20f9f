import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { goBinary } from "../servers/go-binary.ts";
import { registeredMetrics } from "./registered-metrics.ts";

const root = join(import.meta.dirname, "../..");
const rulesFile = join(root, "manifests/alerts/claviger.yaml");
const dashboardFile = join(root, "manifests/dashboards/claviger.json");

interface RuleCase {
	readonly alert: string;
	/** Samples, one a minute, in the notation of Prometheus' rule tests. */
	readonly series: Readonly<Record<string, string>>;
	readonly minutes: number;
}

/** What `test/servers/prometheus` answers. */
interface Judgement {
	readonly errors: readonly string[];
	readonly alerts: readonly {
		readonly name: string;
		readonly labels: Readonly<Record<string, string>>;
		readonly annotations: Readonly<Record<string, string>>;
		readonly metrics: readonly string[];
	}[];
	readonly queries: readonly { readonly error: string; readonly metrics: readonly string[] }[];
	readonly cases: readonly { readonly error: string; readonly firing: readonly Readonly<Record<string, string>>[] }[];
}

async function judge(question: { readonly rules?: string; readonly queries?: readonly string[]; readonly cases?: readonly RuleCase[] }) {
	const judgeProgram = spawn(await goBinary("rule-judge"), { stdio: ["pipe", "pipe", "inherit"] });
	judgeProgram.stdin.end(JSON.stringify(question));
	const chunks: Buffer[] = [];
	for await (const chunk of judgeProgram.stdout) chunks.push(chunk);
	return JSON.parse(Buffer.concat(chunks).toString()) as Judgement;
}

async function knownSeries(): Promise<ReadonlySet<string>> {
	const metrics = await registeredMetrics();
	return new Set(["up", ...metrics.flatMap(({ name, type, series }) => (type === "histogram" ? series : [name]))]);
}

test("Prometheus loads the alerts; each has a severity, words for people, and metrics that there are", async (t) => {
	const { errors, alerts } = await judge({ rules: rulesFile });
	t.deepEqual(errors, []);
	t.true(alerts.length >= 12);
	const known = await knownSeries();
	for (const { name, labels, annotations, metrics } of alerts) {
		t.regex(labels["severity"] ?? "", /^(critical|warning|info)$/, name);
		for (const annotation of ["summary", "description"]) t.true((annotations[annotation] ?? "").length > 20, `${name} ${annotation}`);
		t.is(annotations["runbook_url"], `docs/runbooks/${name}.md`);
		t.deepEqual(
			metrics.filter((metric) => !known.has(metric)),
			[],
			name,
		);
	}
});

test("every alert has its runbook, every runbook its alert, and each says what it means, what it does, how to look and what to do", async (t) => {
	const { alerts } = await judge({ rules: rulesFile });
	const folder = join(root, "docs/runbooks");
	const runbooks = readdirSync(folder).map((file) => file.replace(/\.md$/, ""));
	t.deepEqual(runbooks.sort(), alerts.map(({ name }) => name).sort());
	const known = await knownSeries();
	for (const name of runbooks) {
		const text = readFileSync(join(folder, `${name}.md`), "utf8");
		const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => heading);
		t.deepEqual(headings.slice(0, 1), [name]);
		for (const heading of ["Meaning", "Impact", "Diagnosis", "Remedy"]) t.true(text.includes(`\n## ${heading}\n`), `${name} ${heading}`);
		for (const [metric] of text.matchAll(/\bclaviger_\w+/g)) t.true(known.has(metric), `${name}: ${metric}`);
		for (const [, link] of text.matchAll(/\]\((\w+)\.md\)/g)) t.true(runbooks.includes(link ?? ""), `${name}: ${link}`);
	}
});

const target = 'instance="n1",job="claviger"';
/** Made-up series under which each alert fires, and the labels it fires with. */
const firing: readonly (RuleCase & { readonly labels: Readonly<Record<string, string>> })[] = [
	{ alert: "ClavigerDown", series: { [`up{${target}}`]: "1x2 0x10" }, minutes: 9, labels: { instance: "n1", job: "claviger" } },
	{
		alert: "ClavigerMountsFailing",
		series: {
			[`claviger_mounts_total{${target},code="ok"}`]: "0+6x40",
			[`claviger_mounts_total{${target},code="unreachable"}`]: "0+2x40",
		},
		minutes: 25,
		labels: { instance: "n1" },
	},
	{
		alert: "ClavigerMountsSlow",
		series: {
			[`claviger_mount_duration_seconds_bucket{${target},le="10"}`]: "0+9x40",
			[`claviger_mount_duration_seconds_bucket{${target},le="30"}`]: "0+10x40",
			[`claviger_mount_duration_seconds_bucket{${target},le="+Inf"}`]: "0+10x40",
		},
		minutes: 25,
		labels: { instance: "n1" },
	},
	{
		alert: "ClavigerDefect",
		series: { [`claviger_mounts_total{${target},provider="vault",code="internal"}`]: "0x5 1x5" },
		minutes: 8,
		labels: { instance: "n1", provider: "vault" },
	},
	{
		alert: "ClavigerStoreUnreachable",
		series: { [`claviger_store_up{${target},type="vault",store="main"}`]: "1x2 0x10" },
		minutes: 9,
		labels: { instance: "n1", job: "claviger", type: "vault", store: "main" },
	},
	{
		alert: "ClavigerValuesStale",
		series: { [`claviger_held_value_age_seconds{${target},type="vault",store="main"}`]: "0+60x90" },
		minutes: 70,
		labels: { instance: "n1", job: "claviger", type: "vault", store: "main" },
	},
	{
		alert: "ClavigerRevocationHeldBack",
		series: { [`claviger_revocation_breaker_open{${target}}`]: "0 1 1" },
		minutes: 1,
		labels: { instance: "n1", job: "claviger" },
	},
	{
		alert: "ClavigerAuditFailing",
		series: { [`claviger_audit_failures_total{${target}}`]: "0x5 3x5" },
		minutes: 8,
		labels: { instance: "n1" },
	},
	{
		alert: "ClavigerDenials",
		series: { [`claviger_denials_total{${target},rule="missing-token"}`]: "0+1x20" },
		minutes: 18,
		labels: { rule: "missing-token" },
	},
	{
		alert: "ClavigerLeaseRenewalFailing",
		series: { [`claviger_lease_events_total{${target},event="failed"}`]: "0+1x20" },
		minutes: 15,
		labels: { instance: "n1" },
	},
	{
		alert: "ClavigerPushRefused",
		series: { [`claviger_pushes_total{${target},outcome="refused"}`]: "0x5 1x5" },
		minutes: 8,
		labels: { instance: "n1" },
	},
	{
		alert: "ClavigerVolumesBehind",
		series: { [`claviger_volumes_behind{${target}}`]: "0 2x20" },
		minutes: 12,
		labels: { instance: "n1", job: "claviger" },
	},
	{
		alert: "ClavigerRetryBudgetSpent",
		series: { [`claviger_store_retries_total{${target},decision="refused"}`]: "0+60x40" },
		minutes: 25,
		labels: { instance: "n1" },
	},
	{
		alert: "ClavigerStoreQueue",
		series: { [`claviger_store_requests_waiting{${target},type="vault",store="main"}`]: "0 900x10" },
		minutes: 7,
		labels: { instance: "n1", job: "claviger", type: "vault", store: "main" },
	},
	{
		alert: "ClavigerTracesLost",
		series: { [`claviger_trace_export_failures_total{${target}}`]: "0+1x40" },
		minutes: 35,
		labels: { instance: "n1" },
	},
];

test("each alert fires on what it is about", async (t) => {
	const { cases, alerts } = await judge({
		rules: rulesFile,
		cases: firing.map(({ alert, series, minutes }) => ({ alert, series, minutes })),
	});
	t.deepEqual(firing.map(({ alert }) => alert).sort(), alerts.map(({ name }) => name).sort());
	for (const [index, { alert, labels }] of firing.entries()) t.deepEqual(cases[index], { error: "", firing: [labels] }, alert);
});

test("no alert fires while all is well, or a moment after something went wrong", async (t) => {
	const healthy: Readonly<Record<string, string>> = {
		[`up{${target}}`]: "1x60",
		[`claviger_mounts_total{${target},provider="vault",code="ok"}`]: "0+100x60",
		[`claviger_mounts_total{${target},provider="vault",code="absent"}`]: "0+1x60",
		[`claviger_mount_duration_seconds_bucket{${target},le="1"}`]: "0+100x60",
		[`claviger_mount_duration_seconds_bucket{${target},le="+Inf"}`]: "0+100x60",
		[`claviger_store_up{${target},type="vault",store="main"}`]: "1x58 0x2",
		[`claviger_held_value_age_seconds{${target},type="vault",store="main"}`]: "60x60",
		[`claviger_revocation_breaker_open{${target}}`]: "0x60",
		[`claviger_audit_failures_total{${target}}`]: "0x60",
		[`claviger_denials_total{${target},rule="missing-token"}`]: "5x60",
		[`claviger_lease_events_total{${target},event="renewed"}`]: "0+10x60",
		[`claviger_lease_events_total{${target},event="failed"}`]: "0x50 1x10",
		[`claviger_pushes_total{${target},outcome="refused"}`]: "0x60",
		[`claviger_volumes_behind{${target}}`]: "0x55 3x5",
		[`claviger_store_retries_total{${target},decision="refused"}`]: "0x60",
		[`claviger_store_requests_waiting{${target},type="vault",store="main"}`]: "0x58 900x2",
		[`claviger_trace_export_failures_total{${target}}`]: "0x60",
	};
	const cases = firing.map(({ alert }) => ({ alert, series: healthy, minutes: 60 }));
	const { cases: judged } = await judge({ rules: rulesFile, cases });
	for (const [index, { alert }] of cases.entries()) t.deepEqual(judged[index], { error: "", firing: [] }, alert);
});

interface Panel {
	readonly id: number;
	readonly type: string;
	readonly title: string;
	readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number };
	readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
}

interface Dashboard {
	readonly uid: string;
	readonly title: string;
	readonly schemaVersion: number;
	readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
	readonly panels: readonly Panel[];
}

test("the dashboard is one: panels with ids of their own, side by side, and known variables", (t) => {
	const dashboard = JSON.parse(readFileSync(dashboardFile, "utf8")) as Dashboard;
	t.is(dashboard.uid, "claviger");
	t.true(dashboard.schemaVersion >= 36);
	const variables = new Set(["__rate_interval", ...dashboard.templating.list.map(({ name }) => name)]);
	t.is(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length);
	const taken = new Map<string, string>();
	for (const { title, type, gridPos, targets = [] } of dashboard.panels) {
		t.regex(type, /^(row|stat|timeseries)$/);
		t.true(gridPos.x + gridPos.w <= 24, title);
		t.is(targets.length === 0, type === "row", title);
		for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
			for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
				t.is(taken.get(`${x} ${y}`), undefined, `${title} lies on another panel`);
				taken.set(`${x} ${y}`, title);
			}
		for (const { expr } of targets)
			for (const [, name = ""] of expr.matchAll(/\$(\w+)/g)) t.true(variables.has(name), `${title}: $${name}`);
	}
});

test("Prometheus reads every query of the dashboard, and each asks for metrics that there are", async (t) => {
	const dashboard = JSON.parse(readFileSync(dashboardFile, "utf8")) as Dashboard;
	const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
	const { queries: judged } = await judge({ queries: queries.map((expr) => expr.replaceAll("$__rate_interval", "5m")) });
	const known = await knownSeries();
	t.is(judged.length, queries.length);
	for (const [index, { error, metrics }] of judged.entries()) {
		t.is(error, "", queries[index]);
		t.true(metrics.length > 0);
		t.deepEqual(
			metrics.filter((metric) => !known.has(metric)),
			[],
			queries[index],
		);
	}
});
