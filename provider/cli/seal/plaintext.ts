import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { ProviderError } from "../../errors.ts";
import { errorCodeOf } from "../../shared/error-code.ts";
import type { CommandStreams } from "../command.ts";
import { isTerminal, readValue, withoutNewline } from "../value-input.ts";

/**
 * As base64 in a manifest it takes a third more, and what `kubectl apply` notes of a manifest must fit into 256 KiB.
 */
export const maximumValueLength = 160 * 1024;

export interface PlaintextSource {
	/** Undefined: standard input. */
	readonly file: string | undefined;
	readonly trimNewline: boolean;
}

/**
 * Lends the value to who seals it, and overwrites it then.
 *
 * @throws ProviderError as {@link readPlaintext}, and what `use` throws
 */
export async function withPlaintext(source: PlaintextSource, io: CommandStreams, use: (value: Buffer) => Promise<void>): Promise<void> {
	const value = await readPlaintext(source, io.stdin);
	try {
		if (value.at(-1) === 0x0a) io.stderr.write("The value ends with a newline, which is sealed too; --trim-newline drops it.\n");
		await use(value);
	} finally {
		value.fill(0);
	}
}

/**
 * Reads the value. The caller overwrites it after use.
 *
 * @throws ProviderError `invalid` when it cannot be read, or is too long
 */
export async function readPlaintext({ file, trimNewline }: PlaintextSource, stdin: Readable): Promise<Buffer> {
	const value = file === undefined ? await readInput(stdin) : await readFile(file);
	return trimNewline ? withoutNewline(value) : value;
}

async function readFile(file: string): Promise<Buffer> {
	try {
		return await readValue(createReadStream(file), maximumValueLength);
	} catch (error) {
		if (error instanceof ProviderError) throw error;
		const code = errorCodeOf(error) ?? "no reason given";
		throw new ProviderError("invalid", `The file of --file cannot be read (${code}).`, { cause: error });
	}
}

async function readInput(stdin: Readable): Promise<Buffer> {
	if (!isTerminal(stdin)) return readValue(stdin, maximumValueLength);
	throw new ProviderError("invalid", "The value would be typed in the clear.", { remedy: "Pipe it in, or use --file." });
}
