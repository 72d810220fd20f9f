import { hash, pbkdf2 } from "node:crypto";
import { promisify } from "node:util";
import { Pkcs12Error } from "./pkcs12-der.ts";

/** The digests that keys are derived with, by the names that Node has for them. */
export type Digest = "sha1" | "sha224" | "sha256" | "sha384" | "sha512";

/** What a derived key is for. Source: RFC 7292, appendix B.3. */
export const purposes = { key: 1, initializationVector: 2, mac: 3 } as const;

/**
 * A password as it goes into a key. Key Vault keeps containers without a password, which tools write in two ways:
 * as an empty text with its end, or as nothing at all.
 */
export type NoPassword = "empty-text" | "nothing";

export interface Derivation {
	readonly digest: Digest;
	readonly salt: Buffer;
	readonly iterations: number;
	/** Bytes of the key. */
	readonly length: number;
}

/** Tools ask for 1,000 to 100,000; this many take about a second. */
const maximumIterations = 1_000_000;
const longestSalt = 1024;

/** Derives the keys of one container, which itself says how much work each one is: only so much is done in all. */
export class KeyDerivation {
	#iterationsLeft = maximumIterations;

	/** Source: RFC 7292, appendix B.2. */
	legacy(derivation: Derivation, purpose: number, password: NoPassword): Buffer {
		const { digest, salt, iterations, length } = derivation;
		this.#spend(derivation);
		const blockLength = digest === "sha384" || digest === "sha512" ? 128 : 64;
		const diversifier = Buffer.alloc(blockLength, purpose);
		const text = password === "nothing" ? Buffer.alloc(0) : Buffer.alloc(2);
		const state = Buffer.concat([filled(salt, blockLength), filled(text, blockLength)]);
		const key: Buffer[] = [];
		for (let made = 0; made < length; made += key.at(-1)?.length ?? length) {
			if (key.length > 0) this.#spend(derivation);
			// Node makes a text of a digest in a quarter of the time that a buffer takes.
			const part = Buffer.from(hash(digest, Buffer.concat([diversifier, state]), "hex"), "hex");
			for (let round = 1; round < iterations; round += 1) part.write(hash(digest, part, "hex"), "hex");
			key.push(part);
			advance(state, filled(part, blockLength).subarray(0, blockLength), blockLength);
		}
		return Buffer.concat(key).subarray(0, length);
	}

	/** PBKDF2 of an empty password. Source: RFC 8018 §5.2. */
	modern(derivation: Derivation): Promise<Buffer> {
		this.#spend(derivation);
		const { digest, salt, iterations, length } = derivation;
		return promisify(pbkdf2)("", salt, iterations, length, digest);
	}

	#spend({ iterations, salt }: Derivation): void {
		if (iterations < 1 || salt.length > longestSalt) throw new Pkcs12Error("derives its keys as no tool does");
		this.#iterationsLeft -= iterations;
		if (this.#iterationsLeft < 0) throw new Pkcs12Error(`derives its keys in more than ${maximumIterations} rounds`);
	}
}

/** The bytes over and over again, up to the next multiple of a length. */
function filled(bytes: Buffer, blockLength: number): Buffer {
	return Buffer.alloc(Math.ceil(bytes.length / blockLength) * blockLength, bytes);
}

/** Adds a number and one to each block of the state, which are big-endian numbers themselves. */
function advance(state: Buffer, added: Buffer, blockLength: number): void {
	for (let start = 0; start < state.length; start += blockLength) {
		let carry = 1;
		for (let index = blockLength - 1; index >= 0; index -= 1) {
			const sum = (state[start + index] ?? 0) + (added[index] ?? 0) + carry;
			state[start + index] = sum & 0xff;
			carry = sum >> 8;
		}
	}
}
