import { readAvaOutput, type Tally } from "./ava-output.ts";
import { type CommandResult, runCommand } from "./command.ts";
import type { Report } from "./report.ts";

const ava = "node_modules/ava/entrypoints/cli.js";
export interface RunOptions {
	readonly filesAtOnce: number;
	/** Ava's configuration, if it is another than package.json's. */
	readonly configuration?: string;
}

/** Far above the slowest file; ava's own limit on a single test is shorter. */
const limitSeconds = 900;

/**
 * Runs test files, each in an ava of its own: what happens to one (a crash, a hang, a leak) is its own
 * and is named, and each is reported as it ends.
 */
export async function runTestFiles(files: readonly string[], report: Report, options: RunOptions): Promise<void> {
	const command = [process.execPath, ava, ...(options.configuration === undefined ? [] : ["--config", options.configuration])] as const;
	const waiting = [...files];
	let done = 0;
	async function worker(): Promise<void> {
		for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
			await runTestFile([...command, file], report, () => `${done} of ${files.length} files done`);
			done += 1;
		}
	}
	await Promise.all(Array.from({ length: options.filesAtOnce }, worker));
}

async function runTestFile(command: readonly [string, ...string[]], report: Report, state: () => string): Promise<void> {
	const file = command.at(-1) ?? "";
	const result = await runCommand(command, {
		limitSeconds,
		onProgress: (seconds) => report.progress(`${file} … ${seconds} s (${state()})`),
	});
	const tally = tallyOf(result);
	report.ended(file, tally, result.seconds, remark(tally));
	if (tally.failed === 0) return;
	report.failures(
		tally.failures.map((name) => `${file} › ${name}`),
		`${tally.details}\n${result.problems}`,
	);
}

/** A run that failed, or in which no test ran, never counts as zero failures. */
function tallyOf(result: CommandResult): Tally {
	const tally = readAvaOutput(result.output);
	if (tally.failed > 0 || (result.succeeded && tally.passed > 0)) return tally;
	const failures = tally.failures.length > 0 ? tally.failures : ["the run itself failed"];
	return { ...tally, failed: 1, failures };
}

function remark({ passed, failed, skipped }: Tally): string {
	const parts = [`${passed} passed`];
	if (failed > 0) parts.push(`${failed} failed`);
	if (skipped > 0) parts.push(`${skipped} skipped`);
	return parts.join(", ");
}
