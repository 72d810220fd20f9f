/** How a secret's text stands for bytes. */
export type Encoding = "utf-8" | "base64" | "hex";

/** The value of a parameter `encoding` in any case; empty means UTF-8; undefined for anything else. */
export function readEncoding(text: string): Encoding | undefined {
	const name = text.toLowerCase();
	if (name === "" || name === "utf-8") return "utf-8";
	return name === "base64" || name === "hex" ? name : undefined;
}

/** The text is not in the encoding. The message is what Go's standard library says, and shows at most one character. */
export class GoDecodeError extends Error {
	override readonly name = "GoDecodeError";
}

/**
 * Decodes as Go's encoding/base64 (StdEncoding) and encoding/hex do.
 *
 * @throws GoDecodeError
 */
export function goDecode(text: string, encoding: Encoding): Buffer {
	if (encoding === "utf-8") return Buffer.from(text, "utf8");
	const bytes = Buffer.from(text, "utf8");
	if (encoding === "hex") return decodeHex(bytes);
	const corrupt = firstCorruptByte(bytes);
	if (corrupt !== undefined) throw new GoDecodeError(`illegal base64 data at input byte ${corrupt}`);
	return Buffer.from(text.replace(/[\r\n]/g, ""), "base64");
}

function decodeHex(bytes: Buffer): Buffer {
	const bad = bytes.findIndex((byte) => !/[0-9a-fA-F]/.test(String.fromCharCode(byte)));
	if (bad !== -1) throw new GoDecodeError(`encoding/hex: invalid byte: ${describeByte(bytes[bad] ?? 0)}`);
	if (bytes.length % 2 === 1) throw new GoDecodeError("encoding/hex: odd length hex string");
	return Buffer.from(bytes.toString("latin1"), "hex");
}

/** As Go's verb `%#U` prints the byte taken as a character. */
function describeByte(byte: number): string {
	const code = `U+${byte.toString(16).toUpperCase().padStart(4, "0")}`;
	const isPrintable = (byte >= 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
	return isPrintable ? `${code} '${String.fromCharCode(byte)}'` : code;
}

const isLineBreak = (byte: number | undefined) => byte === 0x0a || byte === 0x0d;
const isAlphabet = (byte: number) => /[A-Za-z0-9+/]/.test(String.fromCharCode(byte));
const padding = 0x3d;

/**
 * The offset that Go names for base64 it cannot read. Line breaks may stand anywhere. A group that
 * ends too early is named by the offset of its end less the characters it has.
 */
function firstCorruptByte(bytes: Buffer): number | undefined {
	let inGroup = 0;
	for (let index = 0; index < bytes.length; index += 1) {
		const byte = bytes[index] ?? 0;
		if (isLineBreak(byte)) continue;
		if (byte === padding) return corruptPadding(bytes, index, inGroup);
		if (!isAlphabet(byte)) return index;
		inGroup = (inGroup + 1) % 4;
	}
	return inGroup === 0 ? undefined : bytes.length - inGroup;
}

/** Two characters need `==`, three need `=`, and nothing but line breaks may follow. */
function corruptPadding(bytes: Buffer, index: number, inGroup: number): number | undefined {
	if (inGroup < 2) return index;
	let next = skipLineBreaks(bytes, index + 1);
	if (inGroup === 2) {
		if (next === bytes.length) return bytes.length;
		if (bytes[next] !== padding) return next - 1;
		next = skipLineBreaks(bytes, next + 1);
	}
	return next === bytes.length ? undefined : next;
}

function skipLineBreaks(bytes: Buffer, start: number): number {
	let index = start;
	while (isLineBreak(bytes[index])) index += 1;
	return index;
}
