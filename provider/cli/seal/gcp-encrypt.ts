import { ProviderError } from "../../errors.ts";
import { additionalData, maximumPlaintext } from "../../sealing/crypto-key.ts";
import { crc32c } from "../../shared/crc32c.ts";
import { gcpSealFailure } from "./gcp-failures.ts";
import type { GcpSealOptions } from "./gcp-options.ts";

const deadlineMilliseconds = 60_000;
const scope = "https://www.googleapis.com/auth/cloudkms";

/** Source: Cloud KMS API v1, cryptoKeys.encrypt. */
interface EncryptAnswer {
	readonly ciphertext?: unknown;
	readonly ciphertextCrc32c?: unknown;
	readonly verifiedPlaintextCrc32c?: unknown;
	readonly verifiedAdditionalAuthenticatedDataCrc32c?: unknown;
}

/**
 * Encrypts with the credentials of whoever runs this.
 *
 * @throws ProviderError `denied` without rights or credentials, `absent` without the key, `invalid` for a value that is
 * too long, `unreachable` without Cloud KMS, or with an answer whose checksums do not fit
 */
export async function encryptWithCloudKms({ keyName, endpoint, sealedFor }: GcpSealOptions, value: Buffer): Promise<Buffer> {
	if (value.length > maximumPlaintext)
		throw new ProviderError("invalid", `The value has ${value.length} bytes; Cloud KMS encrypts ${maximumPlaintext} at most.`, {
			remedy: "Keep it in Parameter Manager, or divide it.",
		});
	const aad = additionalData(sealedFor);
	const data = {
		plaintext: value.toString("base64"),
		plaintextCrc32c: crc32c(value),
		additionalAuthenticatedData: aad.toString("base64"),
		additionalAuthenticatedDataCrc32c: crc32c(aad),
	};
	try {
		const { GoogleAuth } = await import("google-auth-library");
		const auth = new GoogleAuth({ scopes: [scope] });
		const request = { url: `${endpoint}/v1/${keyName}:encrypt`, method: "POST", data, timeout: deadlineMilliseconds } as const;
		return verified((await auth.request<EncryptAnswer>(request)).data);
	} catch (error) {
		throw gcpSealFailure(error, keyName);
	}
}

/** Source: Cloud KMS, "Verifying end-to-end data integrity". */
function verified(answer: EncryptAnswer): Buffer {
	const { ciphertext, ciphertextCrc32c, verifiedPlaintextCrc32c, verifiedAdditionalAuthenticatedDataCrc32c } = answer;
	const bytes = Buffer.from(typeof ciphertext === "string" ? ciphertext : "", "base64");
	const isWhole = bytes.length > 0 && String(ciphertextCrc32c) === crc32c(bytes);
	if (isWhole && verifiedPlaintextCrc32c === true && verifiedAdditionalAuthenticatedDataCrc32c === true) return bytes;
	throw new ProviderError("unreachable", "The answer of Cloud KMS lacks what was asked for, or was damaged on its way.", {
		remedy: "Check that the endpoint leads to Cloud KMS, and try again.",
	});
}
