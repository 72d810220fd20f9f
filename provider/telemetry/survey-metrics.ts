import type { Registry } from "prom-client";
import { counter, gauge, type Series } from "./instruments.ts";
import type { Survey } from "./metrics.ts";

/** Figures that are no counts of events: looked up when somebody asks for the metrics, and at no other time. */
export class SurveyMetrics {
	readonly #volumes: Series;
	readonly #behind: Series;
	readonly #heldBack: Series;
	readonly #sessions: Series;
	readonly #values: Series;
	readonly #valueBytes: Series;
	readonly #leases: Series;
	readonly #granted: Series;
	readonly #refused: Series;
	readonly #ages: (labels: { type: string; store: string }) => Series;
	readonly #ageOf = new Map<string, Series>();
	#survey: (() => Survey) | undefined;

	constructor(registry: Registry) {
		const one = (name: string, help: string) => gauge(registry, { name, help })({});
		this.#volumes = one("volumes", "Volumes of running pods whose content is kept fresh.");
		this.#behind = one("volumes_behind", "Volumes that hold something else than they would get now.");
		this.#heldBack = one("revocation_breaker_open", "1 while removals are held back because most secrets of the node vanished.");
		this.#sessions = one("sessions", "Logins at stores that are kept for further reads.");
		this.#values = one("cache_values", "Values kept in memory.");
		this.#valueBytes = one("cache_bytes", "Bytes that kept values take, with what belongs to them.");
		this.#leases = one("leases", "Leases kept alive for pods.");
		this.#ages = gauge(registry, {
			name: "held_value_age_seconds",
			help: "Time since the store last confirmed the oldest value that volumes hold.",
			labels: ["type", "store"],
		});
		const retries = counter(registry, {
			name: "store_retries_total",
			help: "Calls to stores that were to be repeated, by whether the retry budget let them.",
			labels: ["decision"],
		});
		this.#granted = retries({ decision: "granted" });
		this.#refused = retries({ decision: "refused" });
	}

	with(survey: () => Survey): void {
		this.#survey = survey;
	}

	look(): void {
		const found = this.#survey?.();
		if (found === undefined) return;
		this.#volumes.set(found.volumes);
		this.#behind.set(found.behind);
		this.#heldBack.set(found.removalsHeldBack ? 1 : 0);
		this.#sessions.set(found.sessions);
		this.#values.set(found.values);
		this.#valueBytes.set(found.valueBytes);
		this.#leases.set(found.leases);
		this.#granted.set(found.retries.granted);
		this.#refused.set(found.retries.refused);
		this.#setAges(found.valueAges);
	}

	/** A store of which no volume holds anything any more has no old values either. */
	#setAges(valueAges: Survey["valueAges"]): void {
		for (const series of this.#ageOf.values()) series.set(0);
		for (const [labels, seconds] of valueAges) {
			const key = JSON.stringify([labels.type, labels.store]);
			const series = this.#ageOf.get(key) ?? this.#ages({ type: labels.type, store: labels.store });
			this.#ageOf.set(key, series);
			series.set(seconds);
		}
	}
}
