import type { Readable } from "node:stream";
import { ProviderError } from "../errors.ts";

/**
 * Reads a secret value from a stream, byte for byte. The caller overwrites it after use.
 *
 * @throws ProviderError `invalid` when it is longer
 */
export async function readValue(stream: Readable, maximumLength: number): Promise<Buffer> {
	const chunks: Buffer[] = [];
	let length = 0;
	for await (const chunk of stream) {
		const bytes = Buffer.from(chunk);
		chunks.push(bytes);
		length += bytes.length;
		if (length > maximumLength) throw new ProviderError("invalid", `The value is longer than ${maximumLength} bytes.`);
	}
	const value = Buffer.concat(chunks);
	for (const chunk of chunks) chunk.fill(0);
	return value;
}

/** True where somebody would have to type the value, and everybody could read along. */
export function isTerminal(stream: Readable): boolean {
	return "isTTY" in stream && stream.isTTY === true;
}

/** The value without one newline at its end, as a view of the same bytes. */
export function withoutNewline(value: Buffer): Buffer {
	const end = value.length - (value.at(-1) !== 0x0a ? 0 : value.at(-2) === 0x0d ? 2 : 1);
	return value.subarray(0, end);
}
