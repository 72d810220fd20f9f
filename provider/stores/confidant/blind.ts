import { hash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Caller } from "../../aws/caller.ts";
import { showable } from "../../aws/words.ts";
import { ProviderError } from "../../errors.ts";
import { quote } from "../../plan/fields.ts";
import { Flights } from "../../shared/flights.ts";
import { type JsonObject, parseJsonObject } from "../../shared/json.ts";
import { Secret } from "../../shared/secret.ts";
import type { Identity } from "../store.ts";
import { openFernet, readFernetKey } from "./fernet.ts";
import { emptyAnswer, type KeyCall, keyError } from "./key-failures.ts";
import { credentialTitle } from "./names.ts";
import type { BlindCredential, SealedPairs } from "./service.ts";

const knownCipher = "fernet 2";
/** More than a service has; each is a KMS call that is not made again. */
const maximumKeys = 256;

export interface BlindOptions {
	readonly caller: Caller;
	readonly region: string;
	readonly identity: Identity;
	/** What no text may repeat. */
	readonly confidential: readonly Secret[];
}

/** Opens blind credentials as one identity. The keys that KMS has opened stay in memory as long as the login. */
export class BlindOpener {
	readonly #options: BlindOptions;
	readonly #keys = new LRUCache<string, Secret>({ max: maximumKeys, dispose: (key) => key.wipe() });
	readonly #flights = new Flights<Secret>();

	constructor(options: BlindOptions) {
		this.#options = options;
	}

	/**
	 * The pairs of a blind credential.
	 *
	 * @throws ProviderError `denied` or `absent` when KMS says so, `invalid` when it does not open, `unreachable` on an outage
	 */
	async open(credential: BlindCredential, signal: AbortSignal): Promise<JsonObject> {
		const { region } = this.#options;
		if (credential.cipher !== knownCipher)
			throw damaged(credential, `is encrypted by ${quote(showable(credential.cipher, []))}, which is not known here`);
		const sealed = credential.sealed(region);
		if (sealed === undefined) throw notForRegion(credential, region);
		const key = await this.#keyOf(credential, sealed, signal);
		const opened = openFernet(key.reveal(), sealed.token);
		if (opened === undefined) throw damaged(credential, "does not open with its data key");
		const pairs = parseJsonObject(opened);
		opened.fill(0);
		if (pairs === undefined) throw damaged(credential, "holds no JSON object");
		return pairs;
	}

	/** The key of a credential's token, from memory or from KMS. */
	#keyOf(credential: BlindCredential, sealed: SealedPairs, signal: AbortSignal): Promise<Secret> {
		const { dataKey, context } = sealed;
		const digest = hash("sha256", JSON.stringify([dataKey, Object.entries(context).sort()]), "base64url");
		const known = this.#keys.get(digest);
		if (known !== undefined) return Promise.resolve(known);
		return this.#flights.join(digest, signal, async (attempt) => {
			const key = new Secret(await this.#decrypt(credential, sealed, attempt));
			this.#keys.set(digest, key);
			return key;
		});
	}

	async #decrypt({ name, id }: BlindCredential, { dataKey, context }: SealedPairs, signal: AbortSignal): Promise<Buffer> {
		const { caller, region, identity, confidential } = this.#options;
		const call: KeyCall = { purpose: { kind: "credential", name, id }, region, identity, context, confidential };
		const { DecryptCommand } = await import("@aws-sdk/client-kms");
		const input = {
			CiphertextBlob: Buffer.from(dataKey, "base64"),
			...(Object.keys(context).length === 0 ? {} : { EncryptionContext: { ...context } }),
		};
		const { Plaintext: plaintext } = await caller
			.send("kms", region, signal, (client, abortSignal) => client.send(new DecryptCommand(input), { abortSignal }))
			.catch((error: unknown) => {
				throw keyError(error, call);
			});
		// The SDK hands on whatever stands there.
		if (!(plaintext instanceof Uint8Array)) throw emptyAnswer(call);
		const key = readFernetKey(Buffer.from(plaintext.buffer, plaintext.byteOffset, plaintext.byteLength).toString("latin1"));
		plaintext.fill(0);
		if (key === undefined) throw damaged({ name, id }, "has a data key that is none of Fernet's");
		return key;
	}
}

function notForRegion(credential: BlindCredential, region: string): ProviderError {
	const { regions } = credential;
	const message = `The blind credential ${credentialTitle(credential)} is not encrypted for ${region}.`;
	const remedy = `Encrypt it for that region too${regions.length === 0 ? "" : `, or set the store's region to one of ${regions.join(", ").slice(0, 200)}`}.`;
	return new ProviderError("invalid", message, { remedy, stage: "read" });
}

function damaged(credential: Pick<BlindCredential, "name" | "id">, what: string): ProviderError {
	return new ProviderError("invalid", `The blind credential ${credentialTitle(credential)} ${what}.`, {
		remedy: "Write it anew with Confidant's own client.",
		stage: "read",
	});
}
