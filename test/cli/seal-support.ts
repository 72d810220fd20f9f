import type { Readable } from "node:stream";
import type { ExecutionContext } from "ava";
import { seal } from "../support/seal.ts";

export const canary = "CANARY-7f3a9c-do-not-show";
/** For whom the tests seal. */
export const pod = ["--namespace", "shop", "--service-account", "web", "--object", "db"];

type CommandLine = readonly string[];
type Value = Buffer | string | Readable;

/** Seals the canary with command lines, right and wrong, and finds it in nothing that they print. */
export async function showsNothing(t: ExecutionContext<unknown>, runs: readonly (readonly [args: CommandLine, code: number])[]) {
	const bytes = Buffer.from(canary);
	// The last characters of an encoded text depend on what follows it.
	const forms = [canary, ...(["base64", "base64url", "hex"] as const).map((encoding) => bytes.toString(encoding).slice(0, 20))];
	for (const [args, expected] of runs) {
		const { code, stdout, stderr } = await seal(args, canary);
		t.is(code, expected, stderr);
		for (const form of forms) t.false((stdout + stderr).includes(form), stderr);
	}
}

/**
 * Each command line is wrong, and what is wrong with it is told.
 *
 * @param kind begins each of them, where it is given
 */
export async function tellsProblems(
	t: ExecutionContext<unknown>,
	kind: string | undefined,
	cases: readonly (readonly [args: CommandLine, problem: RegExp])[],
) {
	for (const [args, problem] of cases) {
		const { code, stdout, stderr } = await seal(kind === undefined ? args : [kind, ...args], "hunter2");
		t.is(code, 2, args.join(" "));
		t.regex(stdout + stderr, problem);
	}
}

/** Each command line asks for help, and gets it for what it names. */
export async function helps(t: ExecutionContext<unknown>, cases: readonly (readonly [args: CommandLine, usage: RegExp])[]) {
	for (const [args, usage] of cases) {
		const { code, stdout } = await seal(args);
		t.is(code, 0, args.join(" "));
		t.regex(stdout, usage);
	}
}

/**
 * The command line is right and fails all the same: nothing is printed but why, without the value.
 *
 * @returns what standard error says
 */
export async function fails(t: ExecutionContext<unknown>, args: CommandLine, told: RegExp, value: Value = canary): Promise<string> {
	const { code, stdout, stderr } = await seal(args, value);
	t.is(code, 1, stderr);
	t.is(stdout, "");
	t.regex(stderr, told);
	t.false(stderr.includes(canary));
	return stderr;
}
