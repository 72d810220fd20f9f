import { ChainError, leafFirst } from "./certificate-chain.ts";
import { certificatePem, privateKeyPem } from "./pem.ts";
import { openPkcs12, type Pkcs12Contents } from "./pkcs12.ts";
import { Pkcs12Error } from "./pkcs12-der.ts";
import type { PemOrder } from "./ref.ts";

/** A container cannot be delivered as PEM. The message is a clause behind its name, and holds nothing of its contents. */
export class ConversionError extends Error {
	override readonly name = "ConversionError";
	/** How today's provider says the same; undefined where it does not. */
	readonly legacyText: string | undefined;

	constructor(message: string, options: { readonly legacyText?: string; readonly cause: unknown }) {
		super(message, { cause: options.cause });
		this.legacyText = options.legacyText;
	}
}

/**
 * A PKCS#12 container without a password as PEM: private keys as PKCS#8, then certificates.
 *
 * @throws ConversionError
 */
export async function pkcs12ToPem(container: Buffer, order: PemOrder): Promise<string> {
	const { keys, certificates } = await opened(container);
	const ordered = order === "leaf-first" ? chained(certificates) : certificates;
	return [...keys.map(written(privateKeyPem, "private key")), ...ordered.map(written(certificatePem, "certificate"))].join("");
}

async function opened(container: Buffer): Promise<Pkcs12Contents> {
	try {
		return await openPkcs12(container);
	} catch (cause) {
		if (cause instanceof Pkcs12Error) throw new ConversionError(cause.message, { cause });
		throw cause;
	}
}

function chained(certificates: readonly Buffer[]): readonly Buffer[] {
	try {
		return leafFirst(certificates);
	} catch (cause) {
		// A certificate may be broken inside where nobody but the order of the chain looks.
		if (cause instanceof Pkcs12Error) throw new ConversionError(`holds a certificate that ${cause.message}`, { cause });
		if (!(cause instanceof ChainError)) throw cause;
		const message = `holds certificates of which no chain can be made: ${cause.message}`;
		throw new ConversionError(message, { legacyText: cause.message, cause });
	}
}

function written(write: (der: Buffer) => string, what: string): (der: Buffer) => string {
	return (der) => {
		try {
			return write(der);
		} catch (cause) {
			throw new ConversionError(`holds a ${what} that OpenSSL cannot read`, { cause });
		}
	};
}
