import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";

export interface GuardedProcess {
	readonly pid: number;
	/** Whether it is running. */
	readonly alive: boolean;
	/** The end of what it wrote, for error messages. */
	log(): string;
	/** Sends a signal. */
	kill(signal: NodeJS.Signals): void;
	/** Resolves when it has ended by itself or by a signal. */
	readonly ended: Promise<void>;
	/** Ends it, by force after five seconds. */
	stop(): Promise<void>;
}

export interface GuardedProcessOptions {
	/** Where its output goes. */
	readonly logFile: string;
	readonly environment?: Readonly<Record<string, string>>;
	/** False: this process may end by itself while the program runs, which ends it. Default true. */
	readonly keepsParentAlive?: boolean;
}

let parentDeathSignal: boolean | undefined;

/** What still runs; one listener for all of them, because Node warns of more than ten. */
const running = new Set<ChildProcess>();
process.once("exit", () => {
	for (const child of running) child.kill("SIGKILL");
});

/**
 * Starts a program that does not outlive the test, even when the test's process is killed: the
 * kernel kills it with its parent where util-linux' `setpriv` is there, and the parent's exit does elsewhere.
 *
 * @throws Error when the program cannot be started
 */
export function startGuarded(program: string, parameters: readonly string[], options: GuardedProcessOptions): GuardedProcess {
	parentDeathSignal ??= spawnSync("setpriv", ["--pdeathsig", "KILL", "true"]).status === 0;
	const [command, all] = parentDeathSignal ? ["setpriv", ["--pdeathsig", "KILL", program, ...parameters]] : [program, parameters];
	const log = openSync(options.logFile, "a");
	const child = spawn(command, all, {
		stdio: ["ignore", log, log],
		env: { ...process.env, ...options.environment },
	});
	closeSync(log);
	if (child.pid === undefined) {
		// The reason comes as an event, which would end the process if nobody heard it.
		child.once("error", () => {});
		throw new Error(`${program} could not be started`);
	}
	if (options.keepsParentAlive === false) child.unref();
	return guard(child, child.pid, options.logFile);
}

function guard(child: ChildProcess, pid: number, logFile: string): GuardedProcess {
	running.add(child);
	const ended = new Promise<void>((resolve) => {
		child.once("exit", () => {
			running.delete(child);
			resolve();
		});
	});
	const isRunning = () => child.exitCode === null && child.signalCode === null;
	return {
		pid,
		ended,
		get alive() {
			return isRunning();
		},
		log: () => readFileSync(logFile, "utf8").trim().split("\n").slice(-15).join("\n"),
		kill: (signal) => {
			child.kill(signal);
		},
		async stop() {
			if (isRunning()) child.kill("SIGTERM");
			const force = setTimeout(() => child.kill("SIGKILL"), 5000);
			await ended;
			clearTimeout(force);
		},
	};
}
