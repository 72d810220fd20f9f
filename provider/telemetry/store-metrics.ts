import type { Registry } from "prom-client";
import { counter, type Distribution, gauge, Histogram, type Series } from "./instruments.ts";
import type { StoreLabels, StoreMetrics, StoreOperation } from "./metrics.ts";

const callBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const labels = ["type", "store"] as const;

/** After these a store has answered, whatever it said. */
const answers: ReadonlySet<string> = new Set(["ok", "absent", "denied", "invalid", "too-large"]);

/** The figures of all stores. There are as many as an administrator named, and one for each type beside. */
export class StoreMetricsRegister {
	readonly #families: ReturnType<typeof families>;
	readonly #known = new Map<string, StoreMetrics>();

	constructor(registry: Registry) {
		this.#families = families(registry);
	}

	of({ type, store }: StoreLabels): StoreMetrics {
		const key = JSON.stringify([type, store]);
		const known = this.#known.get(key);
		if (known !== undefined) return known;
		const made = new OneStore(this.#families, { type, store });
		this.#known.set(key, made);
		return made;
	}
}

function families(registry: Registry) {
	return {
		calls: counter(registry, {
			name: "store_calls_total",
			help: "What stores were asked, by operation and outcome.",
			labels: [...labels, "operation", "code"],
		}),
		durations: new Histogram(
			registry,
			{
				name: "store_call_duration_seconds",
				help: "Time until stores answered, waits and retries included.",
				labels: [...labels, "operation"],
			},
			callBounds,
		),
		objects: counter(registry, {
			name: "store_objects_total",
			help: "What stores said of objects: found, absent or denied.",
			labels: [...labels, "outcome"],
		}),
		up: gauge(registry, { name: "store_up", help: "1 when the store answered the last call to it, 0 when it did not.", labels }),
		lastContact: gauge(registry, {
			name: "store_last_contact_timestamp_seconds",
			help: "When the store last answered.",
			labels,
		}),
		requests: counter(registry, { name: "store_requests_total", help: "Requests begun, retries included.", labels }),
		waiting: gauge(registry, { name: "store_requests_waiting", help: "Requests that wait for their turn.", labels }),
		underWay: gauge(registry, { name: "store_requests_under_way", help: "Requests without an answer yet.", labels }),
	};
}

class OneStore implements StoreMetrics {
	readonly #families: ReturnType<typeof families>;
	readonly #labels: StoreLabels;
	readonly #calls = new Map<string, Series>();
	readonly #durations = new Map<StoreOperation, Distribution>();
	readonly #objects = new Map<string, Series>();
	readonly #requests: Series;
	readonly #waiting: Series;
	readonly #underWay: Series;
	#contact: { readonly up: Series; readonly last: Series } | undefined;

	constructor(made: ReturnType<typeof families>, known: StoreLabels) {
		this.#families = made;
		this.#labels = known;
		this.#requests = made.requests(known);
		this.#waiting = made.waiting(known);
		this.#underWay = made.underWay(known);
	}

	called(operation: StoreOperation, code: string, seconds: number): void {
		const key = `${operation} ${code}`;
		const calls = this.#calls.get(key) ?? this.#families.calls({ ...this.#labels, operation, code });
		this.#calls.set(key, calls);
		calls.add(1);
		const durations = this.#durations.get(operation) ?? this.#families.durations.of({ ...this.#labels, operation });
		this.#durations.set(operation, durations);
		durations.observe(seconds);
		this.#noteContact(code);
	}

	answered(outcome: string): void {
		const objects = this.#objects.get(outcome) ?? this.#families.objects({ ...this.#labels, outcome });
		this.#objects.set(outcome, objects);
		objects.add(1);
	}

	waiting(by: number): void {
		this.#waiting.add(by);
	}

	underWay(by: number): void {
		this.#underWay.add(by);
		if (by > 0) this.#requests.add(1);
	}

	/** A call that its caller gave up, or that never left, says nothing about the store. */
	#noteContact(code: string): void {
		const hasAnswered = answers.has(code);
		if (!hasAnswered && code !== "unreachable") return;
		this.#contact ??= { up: this.#families.up(this.#labels), last: this.#families.lastContact(this.#labels) };
		this.#contact.up.set(hasAnswered ? 1 : 0);
		if (hasAnswered) this.#contact.last.set(Date.now() / 1000);
	}
}
