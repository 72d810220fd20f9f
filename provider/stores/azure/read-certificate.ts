import { X509Certificate } from "node:crypto";
import type { KindReader } from "./read.ts";
import { NoValue } from "./read-failure.ts";
import type { CertificateBundle } from "./ref.ts";

/** Certificates without their keys. Source: Key Vault REST API, Get Certificate, Get Certificate Versions, Get Deleted Certificate. */
export const readCertificate: KindReader<CertificateBundle> = {
	async get(name, version, { client }, signal) {
		const certificates = await client.sdk.certificates();
		const { cer, properties } = await client.send(signal, (abortSignal) =>
			version === ""
				? certificates.getCertificate(name, { abortSignal })
				: certificates.getCertificateVersion(name, version, { abortSignal }),
		);
		if (cer === undefined || cer.length === 0 || properties.version === undefined) throw new NoValue("it holds no certificate");
		const der = Buffer.from(cer);
		const bundle: CertificateBundle = { version: properties.version, cer: der.toString("base64") };
		return { bundle, plain: () => certificatePem(der) };
	},
	async versions(name, { client }, signal) {
		const certificates = await client.sdk.certificates();
		return client.list(signal, (abortSignal) => certificates.listPropertiesOfCertificateVersions(name, { abortSignal }));
	},
	async getDeleted(name, { client }, signal) {
		const certificates = await client.sdk.certificates();
		await client.send(signal, (abortSignal) => certificates.getDeletedCertificate(name, { abortSignal }));
	},
};

function certificatePem(der: Buffer): string {
	try {
		return new X509Certificate(der).toString();
	} catch {
		throw new NoValue("what it holds is no certificate");
	}
}
