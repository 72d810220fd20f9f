import { ProviderError } from "../../errors.ts";
import { quote } from "../../plan/fields.ts";
import type { KindReader } from "./read.ts";
import { readSecret } from "./read-secret.ts";
import type { PemOrder, SecretBundle } from "./ref.ts";

/** Source: Key Vault, "About Azure Key Vault certificates", content types. */
const [pemType, pkcs12Type] = ["application/x-pem-file", "application/x-pkcs12"];

/**
 * Reads secrets, and gives those that are a certificate's as PEM: the private key as PKCS#8, then the certificates.
 * It is done once for all pods that read the secret, and what takes memory is loaded for those that need it.
 */
export function pemReader(order: PemOrder): KindReader {
	return {
		...readSecret,
		async get(name, version, place, signal) {
			const { bundle } = await readSecret.get(name, version, place, signal);
			if (!bundle.ofCertificate) return { bundle, plain: () => bundle.value };
			const pem = await pemOf(bundle, order, name);
			return { bundle: { ...bundle, pem } satisfies SecretBundle, plain: () => pem };
		},
	};
}

/** @throws ProviderError `invalid` when it cannot be made, in words that repeat nothing of the secret */
async function pemOf({ value, contentType }: SecretBundle, order: PemOrder, name: string): Promise<string> {
	if (contentType === pemType) return value;
	if (contentType === pkcs12Type) return pemOfPkcs12(value, order, name);
	throw new ProviderError("invalid", `The certificate's secret ${quote(name)} has the content type ${quote(contentType)}.`, {
		stage: "read",
		legacyText: `failed to get certificate. unknown content type '${contentType.slice(0, 80)}'`,
		remedy: `Key Vault keeps certificates as ${pemType} or ${pkcs12Type}: make the certificate anew.`,
	});
}

async function pemOfPkcs12(value: string, order: PemOrder, name: string): Promise<string> {
	const { ConversionError, pkcs12ToPem } = await import("./pkcs12-to-pem.ts");
	try {
		return await pkcs12ToPem(Buffer.from(value, "base64"), order);
	} catch (error) {
		if (!(error instanceof ConversionError)) throw error;
		throw new ProviderError("invalid", `The PKCS#12 container of the certificate's secret ${quote(name)} ${error.message}.`, {
			stage: "read",
			...(error.legacyText === undefined ? {} : { legacyText: error.legacyText }),
			remedy: "Import the certificate into Key Vault anew, or take the container as it is (objectFormat: pfx).",
			cause: error.cause,
		});
	}
}
