import type { Finding } from "../../../provider/cli/lint/findings.ts";
import type { LintReport } from "../../../provider/cli/lint/report.ts";
import { run } from "../../../provider/cli/lint.ts";
import { type CommandResult, runInProcess } from "../../support/command.ts";

/** Runs `claviger lint …` in this process. */
export function lint(args: readonly string[], { input = "", isTerminal = false } = {}): Promise<CommandResult> {
	return runInProcess(run, args, { stdin: input, isTerminal });
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
