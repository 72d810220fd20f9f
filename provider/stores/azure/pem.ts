import { createPrivateKey, X509Certificate } from "node:crypto";

/**
 * A private key in the one form that all programs read, whatever its kind.
 *
 * @param der PKCS#8 PrivateKeyInfo
 * @throws Error when it is none
 */
export function privateKeyPem(der: Buffer): string {
	return createPrivateKey({ key: der, format: "der", type: "pkcs8" }).export({ format: "pem", type: "pkcs8" }).toString();
}

/** @param der X.509 @throws Error when it is none */
export function certificatePem(der: Buffer): string {
	return new X509Certificate(der).toString();
}

/** The blocks of a PEM text by what they are. */
export interface PemParts {
	readonly certificates: string;
	/** Empty where the key may not leave Key Vault. */
	readonly keys: string;
}

const block = /-----BEGIN ([A-Z0-9 ]+)-----\r?\n[^-]*-----END \1-----/g;

/** Divides a PEM text into its certificates and its private keys; what is neither is left out. Source: RFC 7468. */
export function splitPem(text: string): PemParts {
	const blocks = [...text.matchAll(block)].map(([written, label]) => [label, `${written}\n`] as const);
	const texts = (isWanted: (label: string) => boolean) => blocks.filter(([label = ""]) => isWanted(label)).map(([, written]) => written);
	return {
		certificates: texts((label) => label === "CERTIFICATE").join(""),
		keys: texts((label) => label.endsWith("PRIVATE KEY")).join(""),
	};
}
