import type { Readable, Writable } from "node:stream";

/** The three streams of a command; tests give their own. */
export interface CommandStreams {
	readonly stdin: Readable;
	readonly stdout: Writable;
	readonly stderr: Writable;
}
