import { randomBytes } from "node:crypto";
import { fernetKeyText, sealFernet } from "./fernet.ts";
import type { Encrypt } from "./kmsauth.ts";

/** Values by their keys; those of an ordinary credential are turned to lower case by Confidant. */
export type CredentialPairs = Readonly<Record<string, string>>;

export interface SealOptions {
	/** Wraps the data key. */
	readonly encrypt: Encrypt;
	/** Alias or ARN of the key of KMS. */
	readonly key: string;
	readonly region: string;
	readonly context: Readonly<Record<string, string>>;
}

/**
 * The members of a blind credential that hold its values, in one region.
 * Source: Confidant's own client, create_blind_credential.
 */
export async function sealPairs(pairs: CredentialPairs, { encrypt, key, region, context }: SealOptions): Promise<object> {
	const dataKey = randomBytes(32);
	const wrapped = await encrypt({ key, plaintext: Buffer.from(fernetKeyText(dataKey)), context });
	return {
		credential_keys: Object.keys(pairs),
		credential_pairs: { [region]: sealFernet(dataKey, JSON.stringify(pairs)) },
		data_key: { [region]: Buffer.from(wrapped).toString("base64") },
		cipher_type: "fernet",
		cipher_version: 2,
	};
}
