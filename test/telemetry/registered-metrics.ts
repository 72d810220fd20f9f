import { apiOutcomes, createMetrics, leaseEvents, mountStages, storeOperations } from "../../provider/telemetry/metrics.ts";

/** A metric as the text format shows it. */
export interface RegisteredMetric {
	readonly name: string;
	readonly type: string;
	readonly labels: readonly string[];
	/** The names of its series, such as `…_bucket`. */
	readonly series: readonly string[];
}

/** Every metric there is, after everything that can be counted was counted once. */
export async function registeredMetrics(): Promise<readonly RegisteredMetric[]> {
	const metrics = await createMetrics();
	metrics.mount("vault", "ok", 0.1);
	for (const stage of mountStages) metrics.stage(stage, 0.1);
	metrics.denied("missing-token");
	metrics.valueServed(1);
	const store = metrics.store({ type: "vault", store: "main" });
	for (const operation of storeOperations) store.called(operation, "ok", 0.1);
	store.answered("found");
	metrics.polled("ok");
	for (const event of leaseEvents) metrics.lease(event);
	for (const outcome of apiOutcomes) metrics.pushed(outcome);
	metrics.surveyWith(() => ({
		volumes: 0,
		behind: 0,
		removalsHeldBack: false,
		sessions: 0,
		values: 0,
		valueBytes: 0,
		leases: 0,
		valueAges: new Map([[{ type: "vault", store: "main" }, 1]]),
		retries: { granted: 0, refused: 0 },
	}));
	return parse(await metrics.text());
}

function parse(text: string): readonly RegisteredMetric[] {
	return text
		.split(/^# HELP /m)
		.filter((part) => part.trim() !== "")
		.map((part) => {
			const [, name = "", type = ""] = /^# TYPE (\S+) (\S+)$/m.exec(part) ?? [];
			const lines = part
				.split("\n")
				.filter((line) => line !== "" && !line.startsWith("#"))
				.slice(1);
			const labels = new Set(lines.flatMap((line) => [...line.matchAll(/[{,](\w+)="/g)].map(([, label = ""]) => label)));
			labels.delete("le");
			const series = new Set(lines.map((line) => /^\w+/.exec(line)?.[0] ?? ""));
			return { name, type, labels: [...labels], series: [...series] };
		});
}
