/** Decodes base64url without padding (RFC 4648, section 5) strictly: undefined for a text that no bytes have. */
export function decodeBase64Url(text: string): Buffer | undefined {
	const bytes = Buffer.from(text, "base64url");
	return bytes.toString("base64url") === text ? bytes : undefined;
}
