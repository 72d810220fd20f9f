import { Readable, Writable } from "node:stream";
import type { Finding } from "../../../provider/cli/lint/findings.ts";
import type { LintReport } from "../../../provider/cli/lint/report.ts";
import { run } from "../../../provider/cli/lint.ts";

export interface LintResult {
	readonly code: number;
	readonly stdout: string;
	readonly stderr: string;
}

/** Runs `claviger lint …` in this process. */
export async function lint(args: readonly string[], options: { input?: string; isTerminal?: boolean } = {}): Promise<LintResult> {
	const [stdout, stderr] = [new Collector(options.isTerminal ?? false), new Collector(false)];
	const code = await run(args, { stdin: Readable.from([Buffer.from(options.input ?? "")]), stdout, stderr });
	return { code, stdout: stdout.text, stderr: stderr.text };
}

/** The faults of one text. */
export async function faultsOfText(input: string, ...args: readonly string[]): Promise<readonly Finding[]> {
	const { stdout, stderr } = await lint(["--json", ...args, "-"], { input });
	if (stderr !== "") throw new Error(stderr);
	return parseReport(stdout).findings;
}

export function parseReport(json: string): LintReport {
	return JSON.parse(json) as LintReport;
}

class Collector extends Writable {
	readonly isTTY: boolean;
	readonly #chunks: Buffer[] = [];

	constructor(isTerminal: boolean) {
		super();
		this.isTTY = isTerminal;
	}

	get text(): string {
		return Buffer.concat(this.#chunks).toString("utf8");
	}

	override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
		this.#chunks.push(chunk);
		done();
	}
}
