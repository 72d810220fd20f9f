/** The Castagnoli polynomial, reflected. Source: RFC 3720, appendix B.4. */
const polynomial = 0x82f63b78;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
	let remainder = byte;
	for (let bit = 0; bit < 8; bit += 1) remainder = remainder & 1 ? (remainder >>> 1) ^ polynomial : remainder >>> 1;
	return remainder;
});

/** The checksum that Google's APIs send along with what they hold, in the form in which JSON has it: decimal digits. */
export function crc32c(bytes: Uint8Array): string {
	let remainder = 0xffffffff;
	for (const byte of bytes) remainder = (remainder >>> 8) ^ (table[(remainder ^ byte) & 0xff] ?? 0);
	return String((remainder ^ 0xffffffff) >>> 0);
}
