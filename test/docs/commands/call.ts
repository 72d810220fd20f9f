import { spawnSync } from "node:child_process";
import { appendFileSync } from "node:fs";

/** A variable that the tests set. */
export function variable(name: string): string {
	const value = process.env[name];
	if (value === undefined) throw new Error(`${name} is not set: this program is for the tests of the documents`);
	return value;
}

/** Notes a call that should have worked, for the test to show. */
export function noteFailure(call: readonly string[], reason: string): void {
	appendFileSync(variable("DOCS_JOURNAL"), `${call.join(" ")}: ${reason.trim().replaceAll("\n", " ")}\n`);
}

export interface CallResult {
	readonly status: number;
	readonly stdout: string;
	readonly stderr: string;
}

/** Runs a program with this process's standard input. */
export function call(program: string, parameters: readonly string[], environment: Readonly<Record<string, string>> = {}): CallResult {
	const env = { ...process.env, ...environment };
	const { status, stdout, stderr, error } = spawnSync(program, parameters, {
		env,
		encoding: "utf8",
		stdio: ["inherit", "pipe", "pipe"],
		maxBuffer: 64 << 20,
	});
	return { status: status ?? 127, stdout, stderr: error === undefined ? stderr : String(error) };
}

/** Says what a program said, ends as it ended, and notes it when it failed. */
export function pass(name: string, parameters: readonly string[], { status, stdout, stderr }: CallResult): void {
	process.stdout.write(stdout);
	process.stderr.write(stderr);
	if (status !== 0) noteFailure([name, ...parameters], stderr);
	process.exitCode = status;
}
