import asn1, { type Asn1 } from "node-forge/lib/asn1.js";

/** A container is not what its reader expects. The message is a clause behind "it", and holds nothing of the contents. */
export class Pkcs12Error extends Error {
	override readonly name = "Pkcs12Error";
}

/** Much deeper than any container of certificates. */
const maximumDepth = 64;
const universal = 0x00;
const contextSpecific = 0x80;
const [integerType, octetStringType, oidType] = [0x02, 0x04, 0x06];

/**
 * One value in DER or BER (ITU-T X.690). Who reads it says what is expected, because the bytes come from whoever may
 * write into a vault. Every reader throws a Pkcs12Error when something else is there.
 */
export class Der {
	readonly #node: Asn1;

	private constructor(node: Asn1) {
		this.#node = node;
	}

	/** @throws Pkcs12Error when it is no DER */
	static parse(bytes: Buffer): Der {
		try {
			return new Der(asn1.fromDer(bytes.toString("latin1"), { strict: true, decodeBitStrings: false, maxDepth: maximumDepth }));
		} catch {
			throw new Pkcs12Error("is not DER");
		}
	}

	/** The elements of a sequence, a set, or an explicit tag. */
	get elements(): readonly Der[] {
		const { value } = this.#node;
		if (typeof value === "string") throw new Pkcs12Error("has a plain value where several are expected");
		return value.map((node) => new Der(node));
	}

	/** @throws Pkcs12Error when there is no such element */
	at(index: number): Der {
		const element = this.elements[index];
		if (element === undefined) throw new Pkcs12Error("lacks a value");
		return element;
	}

	/** The number of a context-specific tag, such as 0 of `[0]`; undefined for any other value. */
	get tag(): number | undefined {
		return this.#node.tagClass === contextSpecific ? this.#node.type : undefined;
	}

	get isInteger(): boolean {
		return this.#is(integerType);
	}

	get isOctetString(): boolean {
		return this.#is(octetStringType);
	}

	get oid(): string {
		if (!this.#is(oidType)) throw new Pkcs12Error("has something else where an identifier is expected");
		return asn1.derToOid(plain(this.#node));
	}

	/** A number that is not negative and not large. */
	get integer(): number {
		const bytes = this.isInteger ? Buffer.from(plain(this.#node), "latin1") : undefined;
		if (bytes === undefined || bytes.length === 0 || bytes.length > 5)
			throw new Pkcs12Error("has something else where a small number is expected");
		const number = bytes.readIntBE(0, bytes.length);
		if (number < 0) throw new Pkcs12Error("has a negative number");
		return number;
	}

	/** The contents of an octet string, or of an implicit tag in its place; in BER it may be in pieces. */
	get bytes(): Buffer {
		if (!this.isOctetString && this.tag === undefined) throw new Pkcs12Error("has something else where bytes are expected");
		return Buffer.from(joined(this.#node), "latin1");
	}

	/** The value itself in DER. */
	get encoded(): Buffer {
		return Buffer.from(asn1.toDer(this.#node).getBytes(), "latin1");
	}

	#is(type: number): boolean {
		return this.#node.tagClass === universal && this.#node.type === type;
	}
}

function plain({ value }: Asn1): string {
	if (typeof value !== "string") throw new Pkcs12Error("has several values where one is expected");
	return value;
}

function joined({ value }: Asn1): string {
	if (typeof value === "string") return value;
	return value.map(joined).join("");
}
