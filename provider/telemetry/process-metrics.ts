import { readdirSync } from "node:fs";
import prometheus, { type Registry } from "prom-client";

const startedAt = Date.now() / 1000 - process.uptime();

/**
 * The process's own figures under the names that all Prometheus clients use. The library's default collectors
 * watch the event loop and the collector all the time; these cost something only when they are asked for.
 */
export function registerProcessMetrics(registry: Registry): void {
	new prometheus.Counter({
		name: "process_cpu_seconds_total",
		help: "User and system CPU time spent.",
		registers: [registry],
		collect() {
			const { user, system } = process.cpuUsage();
			this.reset();
			this.inc((user + system) / 1_000_000);
		},
	});
	register(registry, "process_resident_memory_bytes", "Resident memory.", () => process.memoryUsage.rss());
	register(registry, "process_start_time_seconds", "When the process started.", () => startedAt);
	register(registry, "process_open_fds", "Open file descriptors.", openDescriptors);
	register(registry, "nodejs_heap_size_used_bytes", "Heap in use.", () => process.memoryUsage().heapUsed);
}

function register(registry: Registry, name: string, help: string, value: () => number): void {
	new prometheus.Gauge({
		name,
		help,
		registers: [registry],
		collect() {
			this.set(value());
		},
	});
}

/** Zero where the system does not tell. */
function openDescriptors(): number {
	try {
		return readdirSync("/proc/self/fd").length;
	} catch {
		return 0;
	}
}
