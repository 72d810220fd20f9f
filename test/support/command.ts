import { Readable, Writable } from "node:stream";
import type { CommandStreams } from "../../provider/cli/command.ts";

export interface CommandResult {
	readonly code: number;
	readonly stdout: string;
	readonly stderr: string;
}

export interface CommandInput {
	readonly stdin?: Readable | Buffer | string;
	/** Whether standard output says that it is a terminal. */
	readonly isTerminal?: boolean;
}

/** Runs a command of `claviger` in this process. */
export async function runInProcess(
	run: (args: readonly string[], io: CommandStreams) => Promise<number>,
	args: readonly string[],
	{ stdin = "", isTerminal = false }: CommandInput = {},
): Promise<CommandResult> {
	const [stdout, stderr] = [new Collector(isTerminal), new Collector(false)];
	const input = stdin instanceof Readable ? stdin : Readable.from([Buffer.from(stdin)]);
	const code = await run(args, { stdin: input, stdout, stderr });
	return { code, stdout: stdout.text, stderr: stderr.text };
}

class Collector extends Writable {
	readonly isTTY: boolean;
	readonly #chunks: Buffer[] = [];

	constructor(isTerminal: boolean) {
		super();
		this.isTTY = isTerminal;
	}

	/** Decoded in one piece, since a chunk may end within a character. */
	get text(): string {
		return Buffer.concat(this.#chunks).toString("utf8");
	}

	override _write(chunk: Buffer, _encoding: string, done: () => void): void {
		this.#chunks.push(chunk);
		done();
	}
}
