import { inspect } from "node:util";

const redacted = "[redacted]";

/**
 * Bytes that must not be printed. Whatever turns it into text by accident (a log, a template
 * literal, JSON, a debugger's inspect) gets `[redacted]`; only {@link reveal} gives the bytes.
 */
export class Secret {
	readonly #bytes: Buffer;

	constructor(bytes: Buffer | string) {
		this.#bytes = typeof bytes === "string" ? Buffer.from(bytes, "utf8") : bytes;
	}

	/** The bytes themselves, not a copy: the caller must not change them. */
	reveal(): Buffer {
		return this.#bytes;
	}

	get length(): number {
		return this.#bytes.length;
	}

	/** Overwrites the bytes with zeros. */
	wipe(): void {
		this.#bytes.fill(0);
	}

	toString(): string {
		return redacted;
	}

	toJSON(): string {
		return redacted;
	}

	[inspect.custom](): string {
		return redacted;
	}
}
