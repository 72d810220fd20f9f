import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { run } from "../../provider/cli/seal.ts";

export interface SealResult {
	readonly code: number;
	readonly stdout: string;
	readonly stderr: string;
}

/** Runs `claviger seal …` in this process. */
export async function seal(args: readonly string[], value: Buffer | string | Readable = ""): Promise<SealResult> {
	const [stdout, stderr] = [new Collector(), new Collector()];
	const stdin = value instanceof Readable ? value : Readable.from([Buffer.from(value)]);
	const code = await run(args, { stdin, stdout, stderr });
	return { code, stdout: stdout.text, stderr: stderr.text };
}

/** Runs the program in a process of its own, with nothing else in its environment. What it asks may be in this process. */
export async function runSeal(args: readonly string[], value: string, environment: Readonly<Record<string, string>>): Promise<SealResult> {
	const program = join(import.meta.dirname, "../../provider/start.js");
	const env = { PATH: "/nonexistent", HOME: "/nonexistent", ...environment };
	const child = spawn(process.execPath, [program, "seal", ...args], { env, timeout: 60_000 });
	child.stdin.end(value);
	const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
	return { code, stdout, stderr };
}

class Collector extends Writable {
	text = "";

	override _write(chunk: Buffer, _encoding: string, done: () => void): void {
		this.text += chunk.toString("utf8");
		done();
	}
}
