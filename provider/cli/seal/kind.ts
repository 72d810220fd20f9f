import type { CommandStreams } from "../command.ts";
import { SealUsageError } from "./options.ts";

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

/** How a kind is made of its parts. */
export interface KindParts<Options> {
	readonly usage: string;
	/** Undefined when the command line asks for help. @throws SealUsageError */
	parse(args: readonly string[]): Options | undefined;
	/** Seals, and prints the entry. @throws ProviderError */
	seal(options: Options, io: CommandStreams): Promise<void>;
}

export function makeKind<Options>({ usage, parse, seal }: KindParts<Options>): SealKind {
	return {
		usage,
		read(args) {
			try {
				const options = parse(args);
				if (options === undefined) return { kind: "usage" };
				return { kind: "seal", run: (io) => seal(options, io).then(() => 0) };
			} catch (error) {
				if (error instanceof SealUsageError) return { kind: "usage", problem: error.message };
				throw error;
			}
		},
	};
}
