/** The parts of node-forge that are loaded one by one, because the whole takes four times their memory. Bytes are latin1 texts. */
declare module "node-forge/lib/asn1.js" {
	interface Asn1 {
		/** The two highest bits of the identifier octet. */
		readonly tagClass: number;
		readonly type: number;
		readonly constructed: boolean;
		/** The elements of a constructed value, or the contents. */
		readonly value: string | readonly Asn1[];
	}

	const asn1: {
		fromDer(bytes: string, options: { readonly strict: true; readonly decodeBitStrings: false; readonly maxDepth: number }): Asn1;
		toDer(value: Asn1): { getBytes(): string };
		derToOid(bytes: string): string;
	};

	export type { Asn1 };
	export default asn1;
}

declare module "node-forge/lib/rc2.js" {
	interface Buffer {
		getBytes(): string;
	}

	interface Decipher {
		readonly output: Buffer;
		start(initializationVector: string): void;
		update(input: Buffer): void;
		/** @returns false when the padding is wrong */
		finish(): boolean;
	}

	const rc2: { createDecryptionCipher(key: string, effectiveBits: number): Decipher };
	export default rc2;
}

declare module "node-forge/lib/util.js" {
	const util: { createBuffer(bytes: string): { getBytes(): string } };
	export default util;
}
