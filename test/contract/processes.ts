import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { ExecutionContext } from "ava";
import type { ProcessOptions } from "./provider-process.ts";

export interface ProviderProcess {
	readonly pid: number;
	/** What it wrote to stderr; empty as long as all is well. */
	readonly complaints: () => string;
	readonly running: () => boolean;
	/** Ends it, and gives its exit code; null when the signal ended it. */
	end(signal: "SIGTERM" | "SIGKILL"): Promise<number | null>;
}

/** Starts a provider process and waits until it listens; it ends with the test. */
export async function startProcess(t: ExecutionContext, options: ProcessOptions): Promise<ProviderProcess> {
	const child: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, "provider-process.ts"), JSON.stringify(options)], {
		stdio: ["ignore", "pipe", "pipe"],
	});
	const exited = once(child, "exit");
	let complaints = "";
	child.stderr?.on("data", (chunk: Buffer) => {
		complaints += chunk.toString();
	});
	const running = () => child.exitCode === null && child.signalCode === null;
	t.teardown(() => {
		if (running()) child.kill("SIGKILL");
	});
	const ready = child.stdout === null ? Promise.resolve() : once(createInterface(child.stdout), "line");
	await Promise.race([ready, exited]);
	if (!running()) throw new Error(`The provider process ended at once: ${complaints}`);
	return {
		pid: child.pid ?? 0,
		complaints: () => complaints,
		running,
		async end(signal) {
			child.kill(signal);
			await exited;
			return child.exitCode;
		},
	};
}
