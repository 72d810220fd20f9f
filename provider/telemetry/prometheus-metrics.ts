import prometheus from "prom-client";
import { runtimeVersion } from "../shared/runtime-version.ts";
import { counter, type Distribution, gauge, Histogram, type Series } from "./instruments.ts";
import {
	type ApiOutcome,
	apiOutcomes,
	type LeaseEventName,
	leaseEvents,
	type Metrics,
	type MountStage,
	mountStages,
	type StoreLabels,
	type StoreMetrics,
	type Survey,
} from "./metrics.ts";
import { registerProcessMetrics } from "./process-metrics.ts";
import { StoreMetricsRegister } from "./store-metrics.ts";
import { SurveyMetrics } from "./survey-metrics.ts";

/** A Mount from memory takes a fraction of a millisecond; kubelet gives up after two minutes. */
const mountBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 100];
const ageBounds = [1, 5, 15, 30, 60, 120, 300, 900, 3600];
/** How long the age of a value that stood in for a store is remembered. */
const staleMilliseconds = 300_000;

interface MountSeries {
	readonly codes: Map<string, Series>;
	readonly duration: Distribution;
}

/** The metrics as Prometheus reads them. What a Mount from memory touches is one addition each. */
export class PrometheusMetrics implements Metrics {
	readonly #registry = new prometheus.Registry();
	readonly #mounts = counter(this.#registry, {
		name: "mounts_total",
		help: "Mounts answered, by provider name and outcome.",
		labels: ["provider", "code"],
	});
	readonly #durations = new Histogram(
		this.#registry,
		{ name: "mount_duration_seconds", help: "Time from a Mount's arrival to its answer.", labels: ["provider"] },
		mountBounds,
	);
	readonly #stages: Readonly<Record<MountStage, Distribution>>;
	readonly #byProvider = new Map<string, MountSeries>();
	readonly #denials = counter(this.#registry, {
		name: "denials_total",
		help: "Mounts that policy refused, by rule.",
		labels: ["rule"],
	});
	readonly #byRule = new Map<string, Series>();
	readonly #hits = this.#single("cache_hits_total", "Objects of Mounts answered from known values.");
	readonly #misses = this.#single("cache_misses_total", "Objects of Mounts that had to be asked for.");
	readonly #ages = new Histogram(
		this.#registry,
		{ name: "served_value_age_seconds", help: "Age of known values when Mounts were answered with them." },
		ageBounds,
	).of({});
	readonly #staleServed = this.#single("stale_served_total", "Objects answered with a known value because the store could not be reached.");
	readonly #staleSeconds = gauge(this.#registry, {
		name: "stale_seconds",
		help: "Age of the oldest value that stood in for a store during the last five minutes.",
	})({});
	#staleAt = Number.NEGATIVE_INFINITY;
	#stalest = 0;
	readonly #stores = new StoreMetricsRegister(this.#registry);
	readonly #changes = this.#single("changes_total", "Objects of volumes found to have changed.");
	readonly #revocations = this.#single("revocations_total", "Objects taken out of volumes because the store has withdrawn them.");
	readonly #polls = counter(this.#registry, {
		name: "polls_total",
		help: "Refreshes of what volumes hold, by outcome.",
		labels: ["code"],
	});
	readonly #byPoll = new Map<string, Series>();
	readonly #breaker = this.#single(
		"revocation_breaker_opened_total",
		"Times that removals were held back because most secrets of the node vanished.",
	);
	readonly #leases = this.#each("lease_events_total", "What became of leases.", "event", leaseEvents);
	readonly #pushes = this.#each("pushes_total", "Patches that have kubelet look after a pod, by outcome.", "outcome", apiOutcomes);
	readonly #events = this.#each("kubernetes_events_total", "Kubernetes Events told about pods, by outcome.", "outcome", apiOutcomes);
	readonly #auditFailures = this.#single("audit_failures_total", "Audit records that could not be written.");
	readonly #traceFailures = this.#single("trace_export_failures_total", "Batches of spans that no collector took.");
	readonly #survey = new SurveyMetrics(this.#registry);

	constructor() {
		const stages = new Histogram(
			this.#registry,
			{ name: "mount_stage_duration_seconds", help: "Time that Mounts spent in each stage.", labels: ["stage"] },
			mountBounds,
		);
		const [plan, policy, fetch, render] = mountStages.map((stage) => stages.of({ stage }));
		if (plan === undefined || policy === undefined || fetch === undefined || render === undefined) throw new Error("a stage is missing");
		this.#stages = { plan, policy, fetch, render };
		gauge(this.#registry, { name: "build_info", help: "Always 1; the labels tell the versions.", labels: ["version", "node_version"] })({
			version: runtimeVersion,
			node_version: process.versions.node,
		}).set(1);
		registerProcessMetrics(this.#registry);
	}

	mount(provider: string, code: string, seconds: number): void {
		const series = this.#byProvider.get(provider) ?? this.#addProvider(provider);
		series.duration.observe(seconds);
		const known = series.codes.get(code);
		if (known !== undefined) {
			known.add(1);
			return;
		}
		const added = this.#mounts({ provider, code });
		series.codes.set(code, added);
		added.add(1);
	}

	stage(stage: MountStage, seconds: number): void {
		this.#stages[stage].observe(seconds);
	}

	denied(rule: string): void {
		seriesOf(this.#byRule, rule, () => this.#denials({ rule })).add(1);
	}

	cacheHit(): void {
		this.#hits.add(1);
	}

	cacheMiss(): void {
		this.#misses.add(1);
	}

	valueServed(ageSeconds: number): void {
		this.#ages.observe(ageSeconds);
	}

	staleServed(seconds: number): void {
		this.#staleServed.add(1);
		this.#stalest = performance.now() - this.#staleAt > staleMilliseconds ? seconds : Math.max(this.#stalest, seconds);
		this.#staleAt = performance.now();
	}

	store(labels: StoreLabels): StoreMetrics {
		return this.#stores.of(labels);
	}

	changed(): void {
		this.#changes.add(1);
	}

	revoked(): void {
		this.#revocations.add(1);
	}

	polled(code: string): void {
		seriesOf(this.#byPoll, code, () => this.#polls({ code })).add(1);
	}

	breakerOpened(): void {
		this.#breaker.add(1);
	}

	lease(event: LeaseEventName): void {
		this.#leases.get(event)?.add(1);
	}

	pushed(outcome: ApiOutcome): void {
		this.#pushes.get(outcome)?.add(1);
	}

	eventTold(outcome: ApiOutcome): void {
		this.#events.get(outcome)?.add(1);
	}

	auditFailed(): void {
		this.#auditFailures.add(1);
	}

	traceExportFailed(): void {
		this.#traceFailures.add(1);
	}

	surveyWith(survey: () => Survey): void {
		this.#survey.with(survey);
	}

	text(): Promise<string> {
		this.#staleSeconds.set(performance.now() - this.#staleAt > staleMilliseconds ? 0 : this.#stalest);
		this.#survey.look();
		return this.#registry.metrics();
	}

	#addProvider(provider: string): MountSeries {
		const series = { codes: new Map([["ok", this.#mounts({ provider, code: "ok" })]]), duration: this.#durations.of({ provider }) };
		this.#byProvider.set(provider, series);
		return series;
	}

	#single(name: string, help: string): Series {
		return counter(this.#registry, { name, help })({});
	}

	/** A counter of which all series are there from the start, so that the first increase is one. */
	#each<Value extends string>(name: string, help: string, label: string, values: readonly Value[]): ReadonlyMap<Value, Series> {
		const family = counter(this.#registry, { name, help, labels: [label] });
		return new Map(values.map((value) => [value, family({ [label]: value })]));
	}
}

function seriesOf(known: Map<string, Series>, value: string, make: () => Series): Series {
	const series = known.get(value) ?? make();
	known.set(value, series);
	return series;
}
