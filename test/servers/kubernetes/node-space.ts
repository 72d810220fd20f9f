import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type GuardedProcess, startGuarded } from "../guarded-process.ts";
import { waitFor } from "./wait-for.ts";

/**
 * A room of its own for a node's programs: their processes and mounts are in namespaces that end with one
 * process. So whatever containers were started and volumes mounted, nothing is left when the test is over, even
 * when it was killed.
 */
export interface NodeSpace {
	/** Starts a program in it. */
	start(program: string, parameters: readonly string[], logFile: string): GuardedProcess;
	/** Where a file of it, such as one in a mounted volume, is found from outside. */
	path(inside: string): string;
	stop(): Promise<void>;
}

/**
 * The shell is the first process of its namespace, and as such waits for the orphans in it. It has a `/run` of its
 * own, where containers leave files that nobody else removes.
 */
const firstProcess = "mount -t tmpfs tmpfs /run || exit 1; sleep infinity & echo ready; wait";

/** @throws Error when this is not root, or has not the tools of util-linux */
export async function openNodeSpace(directory: string): Promise<NodeSpace> {
	const logFile = join(directory, "space.log");
	const holder = startGuarded("unshare", ["--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc", "sh", "-c", firstProcess], {
		logFile,
	});
	await waitFor("the namespaces of the node", [holder], async () => readFileSync(logFile, "utf8").includes("ready"));
	const first = readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, "utf8").trim();
	const started: GuardedProcess[] = [];
	return {
		start(program, parameters, log) {
			const enter = [`--target=${first}`, "--mount", "--pid"];
			const running = startGuarded("nsenter", [...enter, program, ...parameters], { logFile: log });
			started.push(running);
			return running;
		},
		path: (inside) => join(`/proc/${first}/root`, inside),
		async stop() {
			// Not the holder, which would leave the first process to be waited for by somebody else.
			process.kill(Number(first), "SIGKILL");
			await Promise.all([holder, ...started].map(({ ended }) => ended));
		},
	};
}
