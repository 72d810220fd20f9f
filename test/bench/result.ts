import type { ContestantName } from "./contestants.ts";
import type { Isolation } from "./isolation.ts";
import type { ColdMount, MemoryUse } from "./single-figures.ts";
import type { Throughput } from "./throughput.ts";

export interface ProcessCost {
	readonly contestant: ContestantName;
	readonly figures: {
		/** Milliseconds from the start of the process to its first answer. */
		readonly coldStart: number;
		/** MiB, as {@link MemoryUse}. */
		readonly idle: number;
		readonly peak: number;
	};
}

/** Everything that one run of the benchmark measured. */
export interface BenchResult {
	readonly throughput: readonly Throughput[];
	readonly processes: readonly ProcessCost[];
	readonly coldMount: ColdMount;
	readonly isolation: Isolation;
}

type Figures = Readonly<Record<string, number>>;

/** One contestant under one setting; rows with the same setting are compared. */
interface Row {
	readonly setting: readonly number[];
	readonly contestant: ContestantName;
	readonly figures: Figures;
}

/** What the product is compared with. */
const bases = ["echo", "one by one"] as const;

/** The result as text for people, the product's figures each with their ratios to the comparisons of the same run. */
export function formatResult({ throughput, processes, coldMount, isolation }: BenchResult): string {
	const objectCounts = [...new Set(throughput.map(({ objects }) => objects))];
	const tables = objectCounts.map((objects) => {
		const rows = throughput.filter((line) => line.objects === objects).map((line) => ({ ...line, setting: [line.callers] }));
		return table([`objects: ${objects}`, "callers", "mounts/s", "p50 ms", "p99 ms", "CPU µs"], rows, [
			"mountsPerSecond",
			"p50",
			"p99",
			"cpu",
		]);
	});
	const costs = processes.map((line) => ({ ...line, setting: [] }));
	return [
		...tables,
		table(["process", "cold start ms", "idle MiB", "peak MiB"], costs, ["coldStart", "idle", "peak"]),
		`a cold mount of 10 objects with ${coldMount.delay} ms added to every answer of Vault: ${coldMount.milliseconds.toFixed(1)} ms,\n` +
			`which is ${coldMount.roundTrips.toFixed(2)} round trips of ${coldMount.roundTrip.toFixed(1)} ms (limit 3)`,
		`p99 of mounts from one store: ${isolation.alone.toFixed(1)} ms, and ${isolation.besideHanging.toFixed(1)} ms while another hangs;\n` +
			`that is ${isolation.ratio.toFixed(2)} times as long (limit 1.2)`,
	].join("\n\n");
}

/** The same as JSON; the product's rows carry `ratios` by what they are compared with. */
export function formatJson({ throughput, processes, coldMount, isolation }: BenchResult): string {
	const withRatios = <Line extends Omit<Row, "setting">>(lines: readonly Line[], settingOf: (line: Line) => readonly number[]) => {
		const rows = lines.map((line) => ({ ...line, setting: settingOf(line) }));
		return rows.map(({ setting, ...line }) => ({ ...line, ratios: ratiosOf({ ...line, setting }, rows) }));
	};
	const result = {
		throughput: withRatios(throughput, ({ objects, callers }) => [objects, callers]),
		processes: withRatios(processes, () => []),
		coldMount,
		isolation,
	};
	return JSON.stringify(result, undefined, "\t");
}

/** The product's figures divided by those of each comparison; nothing for the comparisons themselves. */
function ratiosOf(row: Row, rows: readonly Row[]): Readonly<Record<string, Figures>> {
	if (row.contestant !== "claviger") return {};
	const sameSetting = rows.filter((other) => other.setting.join() === row.setting.join());
	const ratios = bases.flatMap((base) => {
		const compared = sameSetting.find(({ contestant }) => contestant === base);
		return compared === undefined ? [] : [[base, divide(row.figures, compared.figures)] as const];
	});
	return Object.fromEntries(ratios);
}

function divide(figures: Figures, base: Figures): Figures {
	return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, value / (base[name] ?? Number.NaN)]));
}

function table(header: readonly string[], rows: readonly Row[], figureNames: readonly string[]): string {
	const cells = (figures: Figures) => figureNames.map((name) => short(figures[name] ?? Number.NaN));
	const lines = rows.flatMap((row) => [
		[row.contestant, ...row.setting.map(String), ...cells(row.figures)],
		...Object.entries(ratiosOf(row, rows)).map(([base, ratios]) => [`  ÷ ${base}`, ...row.setting.map(() => ""), ...cells(ratios)]),
	]);
	return align([[...header], ...lines]);
}

/** Two decimals as long as they tell something. */
function short(value: number): string {
	return value.toFixed(value < 100 ? 2 : 0);
}

/** Columns as wide as their widest cell; the first is a name, the others are numbers. */
function align(lines: readonly (readonly string[])[]): string {
	const width = (column: number) => Math.max(...lines.map((line) => line[column]?.length ?? 0));
	return lines
		.map((line) => line.map((cell, column) => (column === 0 ? cell.padEnd(width(0)) : cell.padStart(width(column)))).join("  "))
		.join("\n");
}
