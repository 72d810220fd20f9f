/** Counts what happens. Names of secrets, pods and namespaces are no labels: they would be many, and they tell. */
export interface Metrics {
	/** @param code `ok`, or the stable error code */
	mount(provider: string, code: string): void;
	cacheHit(): void;
	cacheMiss(): void;
	/** @param seconds the age of the value that stood in for a store that cannot be reached */
	staleServed(seconds: number): void;
	changed(): void;
	revoked(): void;
	pollFailed(): void;
	breakerOpened(): void;
	/** The Prometheus text exposition format, version 0.0.4. */
	text(): Promise<string>;
}

export const noMetrics: Metrics = {
	mount: () => undefined,
	cacheHit: () => undefined,
	cacheMiss: () => undefined,
	staleServed: () => undefined,
	changed: () => undefined,
	revoked: () => undefined,
	pollFailed: () => undefined,
	breakerOpened: () => undefined,
	text: async () => "",
};

/** Loads the metrics library, which a provider without an HTTP address does without. */
export async function createMetrics(): Promise<Metrics> {
	const { default: prometheus } = await import("prom-client");
	const { Counter, Gauge, Registry } = prometheus;
	const registry = new Registry();
	const counter = (name: string, help: string) => new Counter({ name: `claviger_${name}`, help, registers: [registry] });
	const mounts = new Counter({
		name: "claviger_mounts_total",
		help: "Mounts answered, by provider name and outcome.",
		labelNames: ["provider", "code"],
		registers: [registry],
	});
	const hits = counter("cache_hits_total", "Objects of Mounts answered from known values.");
	const misses = counter("cache_misses_total", "Objects of Mounts that had to be asked for.");
	const stale = counter("stale_served_total", "Objects answered with a known value because the store could not be reached.");
	const staleSeconds = new Gauge({
		name: "claviger_stale_seconds",
		help: "Age of the value last served for a store that could not be reached.",
		registers: [registry],
	});
	const changes = counter("changes_total", "Objects of volumes found to have changed.");
	const revocations = counter("revocations_total", "Objects taken out of volumes because the store has withdrawn them.");
	const pollFailures = counter("poll_failures_total", "Refreshes of held objects that failed.");
	const breaker = counter(
		"revocation_breaker_opened_total",
		"Times that removals were held back because most secrets of the node vanished.",
	);
	return {
		mount: (provider, code) => mounts.inc({ provider, code }),
		cacheHit: () => hits.inc(),
		cacheMiss: () => misses.inc(),
		staleServed(seconds) {
			stale.inc();
			staleSeconds.set(seconds);
		},
		changed: () => changes.inc(),
		revoked: () => revocations.inc(),
		pollFailed: () => pollFailures.inc(),
		breakerOpened: () => breaker.inc(),
		text: () => registry.metrics(),
	};
}
