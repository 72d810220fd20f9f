import type { KindReader } from "./read.ts";
import { NoValue } from "./read-failure.ts";
import type { SecretBundle } from "./ref.ts";

/** Secrets, and the secret parts of certificates. Source: Key Vault REST API, Get Secret, Get Secret Versions, Get Deleted Secret. */
export const readSecret = {
	async get(name, version, { client }, signal) {
		const secrets = await client.sdk.secrets();
		const options = version === "" ? {} : { version };
		const { value, properties } = await client.send(signal, (abortSignal) => secrets.getSecret(name, { ...options, abortSignal }));
		if (typeof value !== "string" || properties.version === undefined) throw new NoValue("it holds no value");
		const bundle: SecretBundle = {
			version: properties.version,
			value,
			contentType: properties.contentType ?? "",
			ofCertificate: properties.certificateKeyId !== undefined,
		};
		return { bundle, plain: () => value };
	},
	async versions(name, { client }, signal) {
		const secrets = await client.sdk.secrets();
		return client.list(signal, (abortSignal) => secrets.listPropertiesOfSecretVersions(name, { abortSignal }));
	},
	async getDeleted(name, { client }, signal) {
		const secrets = await client.sdk.secrets();
		await client.send(signal, (abortSignal) => secrets.getDeletedSecret(name, { abortSignal }));
	},
} satisfies KindReader;
