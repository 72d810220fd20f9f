/** Ways to write bytes as text. */
export const encodings = ["base64", "base64url", "hex"] as const;

export type Encoding = (typeof encodings)[number];

export function encodeBytes(bytes: Buffer, encoding: Encoding): string {
	return bytes.toString(encoding);
}

/**
 * Decodes strictly: undefined when the text holds anything else than the encoding's alphabet, has a wrong
 * length, or has bits left over. Line breaks are allowed, as base64 tools wrap lines and end with one.
 * `base64` wants its padding; `base64url` may leave it out (RFC 4648, sections 4 and 5).
 */
export function decodeText(text: string, encoding: Encoding): Buffer | undefined {
	const written = text.replace(/[\r\n]/g, "");
	if (encoding === "hex") return /^(?:[0-9A-Fa-f]{2})*$/.test(written) ? Buffer.from(written, "hex") : undefined;
	const decoded = Buffer.from(written, encoding);
	const canonical = decoded.toString(encoding);
	if (written === canonical) return decoded;
	return encoding === "base64url" && written === padded(canonical) ? decoded : undefined;
}

function padded(text: string): string {
	return text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}
