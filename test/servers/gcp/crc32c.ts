const polynomial = 0x82f63b78;
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
	let value = byte;
	for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
	return value;
});

/** The checksum CRC-32C (Castagnoli, RFC 3720 appendix B.4), as the decimal text that JSON has for an int64. */
export function crc32c(bytes: Buffer): string {
	let value = 0xffffffff;
	for (const byte of bytes) value = (table[(value ^ byte) & 0xff] ?? 0) ^ (value >>> 8);
	return String((value ^ 0xffffffff) >>> 0);
}
