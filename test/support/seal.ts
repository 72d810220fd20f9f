import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { run as runReseal } from "../../provider/cli/reseal.ts";
import { run } from "../../provider/cli/seal.ts";
import { type CommandResult, runInProcess } from "./command.ts";

/** Runs `claviger seal …` in this process. */
export function seal(args: readonly string[], value: Buffer | string | Readable = ""): Promise<CommandResult> {
	return runInProcess(run, args, { stdin: value });
}

/** Runs `claviger reseal …` in this process. */
export function reseal(args: readonly string[]): Promise<CommandResult> {
	return runInProcess(runReseal, args);
}

/** Runs the program in a process of its own, with nothing else in its environment. What it asks may be in this process. */
export async function runSeal(
	args: readonly string[],
	value: string,
	environment: Readonly<Record<string, string>>,
): Promise<CommandResult> {
	const program = join(import.meta.dirname, "../../provider/start.js");
	const env = { PATH: "/nonexistent", HOME: "/nonexistent", ...environment };
	const child = spawn(process.execPath, [program, "seal", ...args], { env, timeout: 60_000 });
	child.stdin.end(value);
	const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
	return { code, stdout, stderr };
}
