import { publicKeyPem } from "./key-to-pem.ts";
import type { KindReader } from "./read.ts";
import { NoValue } from "./read-failure.ts";
import type { KeyBundle, PublicJwk } from "./ref.ts";

/** Public parts of keys; the private ones never leave Key Vault. Source: Key Vault REST API, Get Key, Get Key Versions, Get Deleted Key. */
export const readKey: KindReader<KeyBundle> = {
	async get(name, version, { client }, signal) {
		const keys = await client.sdk.keys();
		const options = version === "" ? {} : { version };
		const { key, properties } = await client.send(signal, (abortSignal) => keys.getKey(name, { ...options, abortSignal }));
		if (key?.kty === undefined || properties.version === undefined) throw new NoValue("it holds no key");
		const { kty, crv } = key;
		const numbers = Object.fromEntries(
			(["n", "e", "x", "y"] as const).flatMap((part) => {
				const bytes = key[part];
				return bytes === undefined ? [] : [[part, Buffer.from(bytes).toString("base64url")]];
			}),
		);
		const jwk: PublicJwk = { kty, ...(crv === undefined ? {} : { crv }), ...numbers };
		const bundle: KeyBundle = { version: properties.version, jwk };
		return { bundle, plain: () => publicKeyPem(jwk, name) };
	},
	async versions(name, { client }, signal) {
		const keys = await client.sdk.keys();
		return client.list(signal, (abortSignal) => keys.listPropertiesOfKeyVersions(name, { abortSignal }));
	},
	async getDeleted(name, { client }, signal) {
		const keys = await client.sdk.keys();
		await client.send(signal, (abortSignal) => keys.getDeletedKey(name, { abortSignal }));
	},
};
