import prometheus, { type Registry } from "prom-client";

/** One time series of a counter or a gauge. */
export interface Series {
	add(amount: number): void;
	set(value: number): void;
}

/** One time series of a histogram, which is several of Prometheus'. */
export interface Distribution {
	observe(value: number): void;
}

export interface InstrumentDescription<Label extends string> {
	/** Without the prefix `claviger_`. */
	readonly name: string;
	readonly help: string;
	readonly labels?: readonly Label[];
}

type LabelValues<Label extends string> = Readonly<Record<Label, string>>;

/**
 * The library looks labels up by a text made of them at each increment. A Mount from memory takes a fraction of a
 * millisecond, so its counters are found once and are one addition from then on; the library sees them when asked.
 */
class Cell<Label extends string> implements Series {
	readonly labels: LabelValues<Label>;
	value = 0;

	constructor(labels: LabelValues<Label>) {
		this.labels = labels;
	}

	add(amount: number): void {
		this.value += amount;
	}

	set(value: number): void {
		this.value = value;
	}
}

/** Makes the time series of a counter or gauge, each of which stands at zero from then on. */
export type Family<Label extends string> = (labels: LabelValues<Label>) => Series;

/** A value that only grows. */
export function counter<Label extends string = never>(registry: Registry, { name, help, labels = [] }: InstrumentDescription<Label>) {
	const cells: Cell<Label>[] = [];
	const metric = new prometheus.Counter<Label>({
		name: `claviger_${name}`,
		help,
		labelNames: labels,
		registers: [registry],
		collect() {
			metric.reset();
			for (const cell of cells) metric.inc({ ...cell.labels }, cell.value);
		},
	});
	return family(cells);
}

/** A value that goes up and down. */
export function gauge<Label extends string = never>(registry: Registry, { name, help, labels = [] }: InstrumentDescription<Label>) {
	const cells: Cell<Label>[] = [];
	const metric = new prometheus.Gauge<Label>({
		name: `claviger_${name}`,
		help,
		labelNames: labels,
		registers: [registry],
		collect() {
			metric.reset();
			for (const cell of cells) metric.set({ ...cell.labels }, cell.value);
		},
	});
	return family(cells);
}

function family<Label extends string>(cells: Cell<Label>[]): Family<Label> {
	return (labels) => {
		const cell = new Cell(labels);
		cells.push(cell);
		return cell;
	};
}

/** How values are distributed over buckets; unit and bounds are those of its name. */
export class Histogram<Label extends string = never> extends prometheus.Histogram<Label> {
	readonly #name: string;
	readonly #help: string;
	readonly #bounds: readonly number[];
	readonly #distributions: { readonly labels: LabelValues<Label>; readonly counted: Counted }[] = [];

	constructor(registry: Registry, { name, help, labels = [] }: InstrumentDescription<Label>, bounds: readonly number[]) {
		super({ name: `claviger_${name}`, help, labelNames: labels, buckets: [...bounds], registers: [registry] });
		this.#name = `claviger_${name}`;
		this.#help = help;
		this.#bounds = bounds;
	}

	/** The distribution of one set of labels, empty from then on. */
	of(labels: LabelValues<Label>): Distribution {
		const counted = new Counted(this.#bounds);
		this.#distributions.push({ labels, counted });
		return counted;
	}

	/** What the library reads instead of its own counts, whichever format it writes. */
	async getForPromString(): Promise<object> {
		const values = this.#distributions.flatMap(({ labels, counted }) =>
			counted.values().map(({ suffix, le, value }) => ({
				metricName: `${this.#name}_${suffix}`,
				labels: { ...labels, ...(le === undefined ? {} : { le }) },
				sharedLabels: {},
				value,
			})),
		);
		return { name: this.#name, help: this.#help, type: "histogram", aggregator: "sum", values };
	}
}

interface CountedValue {
	readonly suffix: "bucket" | "sum" | "count";
	readonly le?: number | string;
	readonly value: number;
}

class Counted implements Distribution {
	readonly #bounds: readonly number[];
	readonly #counts: Float64Array;
	#sum = 0;

	constructor(bounds: readonly number[]) {
		this.#bounds = bounds;
		this.#counts = new Float64Array(bounds.length + 1);
	}

	observe(value: number): void {
		let index = 0;
		while (index < this.#bounds.length && value > (this.#bounds[index] ?? 0)) index += 1;
		this.#counts[index] = (this.#counts[index] ?? 0) + 1;
		this.#sum += value;
	}

	values(): readonly CountedValue[] {
		let total = 0;
		const buckets = [...this.#bounds, "+Inf"].map((le, index): CountedValue => {
			total += this.#counts[index] ?? 0;
			return { suffix: "bucket", le, value: total };
		});
		return [...buckets, { suffix: "sum", value: this.#sum }, { suffix: "count", value: total }];
	}
}
