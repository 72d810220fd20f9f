/**
 * Encodes a list of fields so that two different lists never give the same bytes: the number of fields,
 * then each field behind its length (4 bytes, big endian). Plain concatenation would let
 * `("ab", "c")` pass for `("a", "bc")`.
 */
export function encodeFields(fields: readonly (string | number | Uint8Array)[]): Buffer {
	const parts: Buffer[] = [lengthOf(fields.length)];
	for (const field of fields) {
		const bytes = field instanceof Uint8Array ? Buffer.from(field) : Buffer.from(String(field), "utf8");
		parts.push(lengthOf(bytes.length), bytes);
	}
	return Buffer.concat(parts);
}

function lengthOf(length: number): Buffer {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32BE(length);
	return bytes;
}
