import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { type Answer, type Call, json, jsonBody, type Route, statusError } from "./answers.ts";
import { crc32c } from "./crc32c.ts";
import type { Permission } from "./iam.ts";
import type { ApiParts } from "./secret-manager.ts";

export type KeyState = "ENABLED" | "DISABLED" | "DESTROY_SCHEDULED" | "DESTROYED";

interface KeyVersion {
	/** In front of every ciphertext, so that a ciphertext of another key is told from a damaged one. */
	readonly mark: Buffer;
	readonly secret: Buffer;
	state: KeyState;
}

const markLength = 8;
const ivLength = 12;
const tagLength = 16;
const largestInput = 64 * 1024;
const scopes = ["https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/cloudkms"];
const keyName = String.raw`projects\/[^/]+\/locations\/[^/]+\/keyRings\/[\w-]{1,63}\/cryptoKeys\/[\w-]{1,63}`;

/** Symmetric software keys, with real AES-256-GCM. Source: Cloud KMS API v1, cryptoKeys.encrypt and .decrypt. */
export class KeyManagement {
	readonly #parts: ApiParts;
	readonly #keys = new Map<string, KeyVersion[]>();

	constructor(parts: ApiParts) {
		this.#parts = parts;
	}

	get routes(): readonly Route[] {
		const path = (verb: string) => new RegExp(`^/v1/(${keyName}):${verb}$`);
		return [
			{ operation: "kms.decrypt", service: "cloudkms", method: "POST", path: path("decrypt"), handle: (call) => this.#decrypt(call) },
			{ operation: "kms.encrypt", service: "cloudkms", method: "POST", path: path("encrypt"), handle: (call) => this.#encrypt(call) },
		];
	}

	/** Makes a key, or its next version, which is the primary one from then on. @returns the version's number */
	add(key: string): number {
		if (!new RegExp(`^${keyName}$`).test(key)) throw new Error(`${key} is no key's name`);
		const name = this.#parts.projects.canonical(key);
		const versions = this.#keys.get(name) ?? [];
		this.#keys.set(name, versions);
		return versions.push({ mark: randomBytes(markLength), secret: randomBytes(32), state: "ENABLED" });
	}

	setState(key: string, number: number, state: KeyState): void {
		const version = this.#keys.get(this.#parts.projects.canonical(key))?.[number - 1];
		if (version === undefined) throw new Error(`${key} has no version ${number}`);
		version.state = state;
	}

	/** What `gcloud kms encrypt` would print, whoever may ask. */
	encrypt(key: string, plaintext: Buffer | string, additionalData: Buffer | string = ""): Buffer {
		const version = this.#keys.get(this.#parts.projects.canonical(key))?.at(-1);
		if (version === undefined) throw new Error(`there is no key ${key}`);
		return seal(version, Buffer.from(plaintext), Buffer.from(additionalData));
	}

	async #encrypt(call: Call): Promise<Answer> {
		await this.#judge(call, "cloudkms.cryptoKeyVersions.useToEncrypt");
		const { versions, name } = this.#find(call);
		const input = jsonBody(call);
		const plaintext = bytesOf(input, "plaintext");
		const additionalData = bytesOf(input, "additionalAuthenticatedData");
		const version = versions.at(-1);
		if (version === undefined) throw statusError("FAILED_PRECONDITION", `${name} has no primary version.`);
		requireEnabled(version, `${name}/cryptoKeyVersions/${versions.length}`);
		const ciphertext = seal(version, plaintext, additionalData);
		return json({
			name: `${name}/cryptoKeyVersions/${versions.length}`,
			ciphertext: ciphertext.toString("base64"),
			ciphertextCrc32c: crc32c(ciphertext),
			verifiedPlaintextCrc32c: input["plaintextCrc32c"] !== undefined,
			verifiedAdditionalAuthenticatedDataCrc32c: input["additionalAuthenticatedDataCrc32c"] !== undefined,
			protectionLevel: "SOFTWARE",
		});
	}

	async #decrypt(call: Call): Promise<Answer> {
		await this.#judge(call, "cloudkms.cryptoKeyVersions.useToDecrypt");
		const { versions, name } = this.#find(call);
		const input = jsonBody(call);
		const ciphertext = bytesOf(input, "ciphertext");
		const additionalData = bytesOf(input, "additionalAuthenticatedData");
		const index = versions.findIndex(({ mark }) => mark.equals(ciphertext.subarray(0, markLength)));
		const version = versions[index];
		if (version === undefined)
			throw statusError("INVALID_ARGUMENT", "Decryption failed: verify that 'name' refers to the correct CryptoKey.");
		requireEnabled(version, `${name}/cryptoKeyVersions/${index + 1}`);
		const plaintext = open(version, ciphertext, additionalData);
		return json({
			plaintext: plaintext.toString("base64"),
			plaintextCrc32c: crc32c(plaintext),
			usedPrimary: index === versions.length - 1,
			protectionLevel: "SOFTWARE",
		});
	}

	async #judge(call: Call, permission: Permission): Promise<void> {
		const { tokens, judgeForeign, iam } = this.#parts;
		const principal = await tokens.authenticate(call, judgeForeign, scopes);
		call.principal = principal.name;
		const location = /\/locations\/([^/]+)\//.exec(call.resource)?.[1];
		if (call.host.location !== "global" && call.host.location !== location)
			throw statusError("INVALID_ARGUMENT", `${call.host.name} does not serve the location of ${call.resource}.`);
		iam.require(principal, permission, call.resource);
	}

	#find(call: Call): { readonly versions: readonly KeyVersion[]; readonly name: string } {
		const name = this.#parts.projects.canonical(call.resource);
		const versions = this.#keys.get(name);
		if (versions === undefined) throw statusError("NOT_FOUND", `CryptoKey ${call.resource} not found.`);
		return { versions, name };
	}
}

/** The bytes of a field, whose checksum must fit where one is sent along. @throws Refusal */
function bytesOf(input: Readonly<Record<string, unknown>>, field: string): Buffer {
	const text = input[field] ?? "";
	if (typeof text !== "string" || !/^[A-Za-z0-9+/_-]*={0,2}$/.test(text))
		throw statusError("INVALID_ARGUMENT", `Invalid value at '${field}' (TYPE_BYTES), Base64 decoding failed.`);
	const bytes = Buffer.from(text, "base64");
	const limit = field === "ciphertext" ? 2 * largestInput : largestInput;
	if (bytes.length > limit) throw statusError("INVALID_ARGUMENT", `${field} must be at most ${limit} bytes.`);
	const checksum = input[`${field}Crc32c`];
	if (checksum !== undefined && String(checksum) !== crc32c(bytes))
		throw statusError("INVALID_ARGUMENT", `The checksum in field ${field}_crc32c did not match the data in field ${field}.`);
	return bytes;
}

function requireEnabled(version: KeyVersion, name: string): void {
	if (version.state === "ENABLED") return;
	throw statusError("FAILED_PRECONDITION", `${name} is not enabled, current state is: ${version.state}.`, { reason: "KEY_DISABLED" });
}

function seal({ mark, secret }: KeyVersion, plaintext: Buffer, additionalData: Buffer): Buffer {
	const iv = randomBytes(ivLength);
	const cipher = createCipheriv("aes-256-gcm", secret, iv);
	cipher.setAAD(additionalData);
	const data = Buffer.concat([cipher.update(plaintext), cipher.final()]);
	return Buffer.concat([mark, iv, cipher.getAuthTag(), data]);
}

function open({ secret }: KeyVersion, ciphertext: Buffer, additionalData: Buffer): Buffer {
	const refusal = statusError("INVALID_ARGUMENT", "Decryption failed: the ciphertext is invalid.");
	const [ivEnd, tagEnd] = [markLength + ivLength, markLength + ivLength + tagLength];
	if (ciphertext.length < tagEnd) throw refusal;
	const decipher = createDecipheriv("aes-256-gcm", secret, ciphertext.subarray(markLength, ivEnd));
	decipher.setAAD(additionalData);
	decipher.setAuthTag(ciphertext.subarray(ivEnd, tagEnd));
	try {
		return Buffer.concat([decipher.update(ciphertext.subarray(tagEnd)), decipher.final()]);
	} catch {
		throw refusal;
	}
}
