// Measures the provider against a bare gRPC echo and against fetching without sharing; called by scripts/bench.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bundleContestants, contestantNames } from "./contestants.ts";
import { measureIsolation } from "./isolation.ts";
import { type BenchResult, formatJson, formatResult, type ProcessCost } from "./result.ts";
import { measureColdMount, measureColdStart, measureMemory } from "./single-figures.ts";
import { measureThroughput, type Throughput } from "./throughput.ts";
import { startBenchVault } from "./vault.ts";

const { values } = parseArgs({
	options: {
		seconds: { type: "string", default: "3" },
		quick: { type: "boolean", default: false },
		json: { type: "boolean", default: false },
	},
});
const seconds = values.quick ? 1 : Number(values.seconds);
if (!(seconds > 0 && seconds <= 60)) {
	console.error("--seconds takes a number above 0 and up to 60");
	process.exit(2);
}

const directory = mkdtempSync(join(tmpdir(), "clv-bench-"));
try {
	const result = await measure(directory);
	console.log(values.json ? formatJson(result) : formatResult(result));
} finally {
	rmSync(directory, { recursive: true, force: true });
}

async function measure(directory: string): Promise<BenchResult> {
	const onProgress = (text: string) => console.error(`  ${text} …`);
	onProgress("bundling");
	await bundleContestants(directory);
	const vault = await startBenchVault();
	try {
		const throughput: Throughput[] = [];
		const rounds = values.quick ? 1 : 3;
		for (const objects of [1, 10])
			throughput.push(...(await measureThroughput({ directory, vault, objects, seconds, rounds, onProgress })));
		const processes: ProcessCost[] = [];
		for (const contestant of contestantNames) {
			onProgress(`cold start and memory of ${contestant}`);
			const coldStart = await measureColdStart(contestant, directory, vault, values.quick ? 3 : 9);
			const use = await measureMemory(contestant, directory, vault, values.quick ? 5 : 30);
			processes.push({ contestant, figures: { coldStart, ...use } });
		}
		onProgress("cold mount over a slow network");
		const coldMount = await measureColdMount(directory, vault);
		onProgress("mounts beside a store that hangs");
		return { throughput, processes, coldMount, isolation: await measureIsolation(directory, vault, values.quick ? 2 : 6) };
	} finally {
		await vault.stop();
	}
}
