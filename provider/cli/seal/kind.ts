import type { CommandStreams } from "../command.ts";

/** One way to seal a value. */
export interface SealKind {
	readonly usage: string;
	/** Reads the command line behind the kind's name. What is not understood is not repeated: it may be the value. */
	read(args: readonly string[]): SealRequest | UsageRequest;
}

export interface SealRequest {
	readonly kind: "seal";
	/** Seals, prints the entry on standard output, and gives the exit code. @throws ProviderError */
	run(io: CommandStreams): Promise<number>;
}

/** The command line asks for help, or cannot be understood; `problem` then says why, as a sentence. */
export interface UsageRequest {
	readonly kind: "usage";
	readonly problem?: string;
}
