import { X509Certificate } from "node:crypto";

const block = /-----BEGIN CERTIFICATE-----[^-]{1,20000}-----END CERTIFICATE-----/g;
const mostCertificates = 200;

/**
 * The certificates of a PEM text in one canonical form, so that equal trust has equal texts. Blocks that are no certificate
 * are passed over, as Go's `AppendCertsFromPEM` does.
 *
 * @returns undefined when there is no certificate at all
 */
export function readCertificates(text: string): string | undefined {
	const blocks = text.match(block)?.slice(0, mostCertificates) ?? [];
	const certificates = blocks.flatMap((pem) => readCertificate(pem) ?? []);
	return certificates.length === 0 ? undefined : [...new Set(certificates)].join("");
}

function readCertificate(pem: string): string | undefined {
	try {
		return new X509Certificate(pem.replace(/^[ \t]+/gm, "")).toString();
	} catch {
		return undefined;
	}
}
