// Mounts at a steady rate for a long time and watches memory, open files and timers of the provider; called by scripts/soak.
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { goBinary } from "../servers/go-binary.ts";
import { bundleContestants, startContestant } from "./contestants.ts";
import { putLoad } from "./load.ts";
import { cpuSeconds, memory } from "./process-usage.ts";
import { writeAttributes } from "./requests.ts";
import { type BenchVault, startBenchVault } from "./vault.ts";

const { values } = parseArgs({
	options: {
		minutes: { type: "string", default: "30" },
		rate: { type: "string", default: "200" },
		objects: { type: "string", default: "10" },
	},
});
const [minutes, rate, objects] = [Number(values.minutes), Number(values.rate), Number(values.objects)];
/** The first minutes fill caches and let the heap find its size. */
const settlingMinutes = Math.min(5, minutes / 4);
const callers = 32;

interface Sample {
	readonly minute: number;
	readonly mebibytes: number;
	readonly sockets: number;
	readonly files: number;
	readonly cpuSeconds: number;
}

const directory = mkdtempSync(join(tmpdir(), "clv-soak-"));
const vault = await startBenchVault();
try {
	await goBinary("mountload");
	await bundleContestants(directory);
	process.exitCode = (await soak(directory, vault)) ? 0 : 1;
} finally {
	await vault.stop();
	rmSync(directory, { recursive: true, force: true });
}

async function soak(folder: string, store: BenchVault): Promise<boolean> {
	const provider = await startContestant({ name: "claviger", directory: folder, vault: store, objects });
	const attributesFile = join(folder, "attributes.json");
	await writeAttributes(attributesFile, store.issuer, objects);
	const samples: Sample[] = [];
	const load = putLoad({ socket: provider.socket, attributesFile, concurrency: callers, seconds: minutes * 60, rate });
	let over = false;
	load
		.finally(() => {
			over = true;
		})
		.catch(() => undefined);
	const started = Date.now();
	console.log("minute  MiB  sockets  files  CPU s");
	while (!over) {
		await delay(Math.min(30_000, (minutes * 60_000) / 20));
		if (!provider.process.alive) throw new Error(`the provider ended:\n${provider.process.log()}`);
		const sample = take(provider.process.pid, (Date.now() - started) / 60_000);
		samples.push(sample);
		const cells = [
			sample.minute.toFixed(1).padStart(6),
			sample.mebibytes.toFixed(1).padStart(5),
			`${sample.sockets}`.padStart(7),
			`${sample.files}`.padStart(6),
		];
		console.log(`${cells.join("  ")}  ${sample.cpuSeconds.toFixed(1).padStart(5)}`);
	}
	const { calls, failed, perSecond, p50, p99 } = await load;
	await provider.process.stop();
	console.log(
		`${calls} mounts of ${objects} objects, ${failed} failed, ${perSecond.toFixed(0)} a second, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
	);
	return failed === 0 && judge(samples);
}

function take(pid: number, minute: number): Sample {
	const targets = readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
		try {
			return [readlinkSync(`/proc/${pid}/fd/${name}`)];
		} catch {
			// It was closed between the two looks.
			return [];
		}
	});
	const sockets = targets.filter((target) => target.startsWith("socket:")).length;
	return { minute, mebibytes: memory(pid).now, sockets, files: targets.length - sockets, cpuSeconds: cpuSeconds(pid) };
}

/** Flat means: after the first minutes, neither memory nor what is open ever rises by more than a tenth. */
function judge(samples: readonly Sample[]): boolean {
	const settled = samples.filter(({ minute }) => minute >= settlingMinutes);
	const [first, last] = [settled[0], settled.at(-1)];
	if (first === undefined || last === undefined) return false;
	const most = Math.max(...settled.map(({ mebibytes }) => mebibytes));
	const growth = most / first.mebibytes;
	console.log(
		`memory after ${settlingMinutes} minutes: ${first.mebibytes.toFixed(1)} MiB, at most ${most.toFixed(1)} MiB since, which is ${growth.toFixed(2)} times as much (limit 1.1)`,
	);
	console.log(`sockets: ${first.sockets} then, ${last.sockets} at the end; other files: ${first.files} then, ${last.files} at the end`);
	return growth <= 1.1 && last.sockets <= first.sockets + 8 && last.files <= first.files + 4;
}
