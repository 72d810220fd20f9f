import type { KMSClient } from "@aws-sdk/client-kms";
import { ProviderError } from "../../errors.ts";
import { canonicalContext, contextOf } from "../../sealing/binding.ts";
import { dataKeyLength, type Envelope, sealEnvelope } from "../../sealing/envelope.ts";
import { kmsSealFailure } from "./kms-failures.ts";
import type { KmsSealOptions } from "./kms-options.ts";

/** KMS API reference, Encrypt: `Plaintext` has 1 to 4096 bytes. */
const maximumPlaintext = 4096;
const deadlineMilliseconds = 60_000;

/** A value as KMS encrypted it, or the data key of its envelope. */
export interface SealedByKms {
	/** The key's ARN, which stays the same key when an alias is moved. */
	readonly keyId: string;
	readonly blob: Buffer;
	readonly envelope: Envelope | undefined;
}

/**
 * Encrypts with the credentials of whoever runs this.
 *
 * @throws ProviderError `denied` without rights or credentials, `absent` without the key, `unreachable` without KMS
 */
export async function encryptWithKms(options: KmsSealOptions, value: Buffer): Promise<SealedByKms> {
	// Without credentials of its own the client looks for those that the AWS command line would use.
	const { KMSClient: Client } = await import("@aws-sdk/client-kms");
	const { region, endpoint } = options;
	const client = new Client({ ...(region === undefined ? {} : { region }), ...(endpoint === undefined ? {} : { endpoint }) });
	try {
		const isShort = value.length > 0 && value.length <= maximumPlaintext;
		return isShort ? await encrypt(client, options, value) : await encryptEnvelope(client, options, value);
	} catch (error) {
		throw kmsSealFailure(error, options.keyId);
	} finally {
		client.destroy();
	}
}

async function encrypt(client: KMSClient, { keyId, binding }: KmsSealOptions, value: Buffer): Promise<SealedByKms> {
	const { EncryptCommand } = await import("@aws-sdk/client-kms");
	const input = { KeyId: keyId, Plaintext: value, EncryptionContext: Object.fromEntries(contextOf(binding)) };
	const answer = await client.send(new EncryptCommand(input), { abortSignal: AbortSignal.timeout(deadlineMilliseconds) });
	return { keyId: answer.KeyId ?? keyId, blob: present(answer.CiphertextBlob), envelope: undefined };
}

async function encryptEnvelope(client: KMSClient, { keyId, binding }: KmsSealOptions, value: Buffer): Promise<SealedByKms> {
	const { GenerateDataKeyCommand } = await import("@aws-sdk/client-kms");
	const context = contextOf(binding);
	const input = { KeyId: keyId, KeySpec: "AES_256", EncryptionContext: Object.fromEntries(context) } as const;
	const answer = await client.send(new GenerateDataKeyCommand(input), { abortSignal: AbortSignal.timeout(deadlineMilliseconds) });
	const dataKey = present(answer.Plaintext);
	try {
		if (dataKey.length !== dataKeyLength) throw nonsense();
		const envelope = sealEnvelope(dataKey, value, canonicalContext(context));
		return { keyId: answer.KeyId ?? keyId, blob: present(answer.CiphertextBlob), envelope };
	} finally {
		dataKey.fill(0);
	}
}

/** The very bytes of the answer, so that wiping them leaves no copy. */
function present(bytes: Uint8Array | undefined): Buffer {
	if (bytes === undefined || bytes.length === 0) throw nonsense();
	return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function nonsense(): ProviderError {
	return new ProviderError("unreachable", "The answer of KMS lacks what was asked for.", {
		remedy: "Check that the endpoint leads to KMS.",
	});
}
