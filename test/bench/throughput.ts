import { join } from "node:path";
import { type Contestant, type ContestantName, contestantNames, startContestant } from "./contestants.ts";
import { type LoadResult, putLoad } from "./load.ts";
import { cpuSeconds } from "./process-usage.ts";
import { writeAttributes } from "./requests.ts";
import type { BenchVault } from "./vault.ts";

/** Callers at once: one pod, a busy node, every pod of a node. */
const callerLevels = [1, 16, 110] as const;

/** What one contestant did with so many objects and callers. */
export interface Throughput {
	readonly objects: number;
	readonly callers: number;
	readonly contestant: ContestantName;
	readonly figures: {
		readonly mountsPerSecond: number;
		/** Milliseconds. */
		readonly p50: number;
		readonly p99: number;
		/** Microseconds of the server's CPU for one mount. */
		readonly cpu: number;
	};
}

export interface ThroughputOptions {
	readonly directory: string;
	readonly vault: BenchVault;
	readonly objects: number;
	readonly seconds: number;
	readonly rounds: number;
	onProgress(text: string): void;
}

interface Sample {
	readonly callers: number;
	readonly contestant: ContestantName;
	readonly load: LoadResult;
	readonly cpu: number;
}

/**
 * Loads all contestants, one at a time and in turn, so that what else the machine does meets them alike.
 * Times are of each one's best round, CPU is the median.
 */
export async function measureThroughput(options: ThroughputOptions): Promise<readonly Throughput[]> {
	const { directory, vault, objects, rounds, seconds } = options;
	const attributesFile = join(directory, `attributes-${objects}.json`);
	await writeAttributes(attributesFile, vault.issuer, objects);
	const contestants = await Promise.all(contestantNames.map((name) => startContestant({ name, directory, vault, objects })));
	try {
		for (const { socket } of contestants) await putLoad({ socket, attributesFile, concurrency: 16, seconds: Math.min(1, seconds) });
		const samples: Sample[] = [];
		for (let round = 1; round <= rounds; round += 1) {
			for (const callers of callerLevels) {
				options.onProgress(`objects: ${objects}, callers: ${callers}, round ${round} of ${rounds}`);
				for (const contestant of contestants) samples.push(await sample(contestant, attributesFile, callers, seconds));
			}
		}
		return callerLevels.flatMap((callers) => contestantNames.map((contestant) => summarize(samples, objects, callers, contestant)));
	} finally {
		await Promise.all(contestants.map(({ process: server }) => server.stop()));
	}
}

async function sample(
	{ name, process: server, socket }: Contestant,
	attributesFile: string,
	callers: number,
	seconds: number,
): Promise<Sample> {
	const before = cpuSeconds(server.pid);
	const load = await putLoad({ socket, attributesFile, concurrency: callers, seconds });
	if (load.failed > 0) throw new Error(`${name} failed under load: ${JSON.stringify(load.failures)}\n${server.log()}`);
	return { callers, contestant: name, load, cpu: ((cpuSeconds(server.pid) - before) * 1e6) / load.calls };
}

function summarize(samples: readonly Sample[], objects: number, callers: number, contestant: ContestantName): Throughput {
	const own = samples.filter((entry) => entry.callers === callers && entry.contestant === contestant);
	const best = own.reduce((left, right) => (right.load.perSecond > left.load.perSecond ? right : left));
	const { perSecond, p50, p99 } = best.load;
	return { objects, callers, contestant, figures: { mountsPerSecond: perSecond, p50, p99, cpu: median(own.map(({ cpu }) => cpu)) } };
}

/** The middle value; of an even number of values the lower of the two. */
export function median(values: readonly number[]): number {
	const sorted = values.toSorted((left, right) => left - right);
	return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}
