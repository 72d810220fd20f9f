import { spawn } from "node:child_process";

export interface CommandResult {
	readonly succeeded: boolean;
	/** What it wrote to standard output. */
	readonly output: string;
	/** What it wrote to standard error, with a note when it was ended by its time limit or could not start. */
	readonly problems: string;
	readonly seconds: number;
}

export interface CommandOptions {
	/** After this the command and all that it started are killed. */
	readonly limitSeconds: number;
	/** Called every 15 s with the seconds so far, so that a long command is seen to live. */
	onProgress?(seconds: number): void;
	/** Lines of standard error are also shown as they come. */
	readonly showProblems?: boolean;
}

/** Runs a command without standard input to its end and keeps what it says. */
export async function runCommand(command: readonly [string, ...string[]], options: CommandOptions): Promise<CommandResult> {
	const began = Date.now();
	const elapsed = () => (Date.now() - began) / 1000;
	// A process group of its own, so that the limit ends its children too.
	const child = spawn(command[0], command.slice(1), { stdio: ["ignore", "pipe", "pipe"], detached: true });
	const output: Buffer[] = [];
	const problems: Buffer[] = [];
	child.stdout.on("data", (chunk: Buffer) => output.push(chunk));
	child.stderr.on("data", (chunk: Buffer) => {
		problems.push(chunk);
		if (options.showProblems === true) process.stdout.write(chunk);
	});
	const progress = setInterval(() => options.onProgress?.(Math.round(elapsed())), 15_000);
	const limit = setTimeout(() => {
		problems.push(Buffer.from(`\nended after its limit of ${options.limitSeconds} s\n`));
		killGroup(child.pid);
	}, options.limitSeconds * 1000);
	const endWithParent = () => killGroup(child.pid);
	process.once("exit", endWithParent);
	const status = await new Promise<number | null>((resolve) => {
		child.once("error", (error) => {
			problems.push(Buffer.from(error.message));
			resolve(null);
		});
		child.once("close", resolve);
	});
	clearInterval(progress);
	clearTimeout(limit);
	process.off("exit", endWithParent);
	const text = (chunks: readonly Buffer[]) => Buffer.concat(chunks).toString();
	return { succeeded: status === 0, output: text(output), problems: text(problems), seconds: elapsed() };
}

function killGroup(pid: number | undefined): void {
	if (pid === undefined) return;
	try {
		process.kill(-pid, "SIGKILL");
	} catch {
		// It ended by itself in the meantime.
	}
}
