import { LRUCache } from "lru-cache";
import { type ErrorCode, ProviderError } from "../../errors.ts";
import { quote } from "../../plan/fields.ts";
import { KeyDirectory, type KeyFile } from "../../sealing/key-directory.ts";
import { openSealedValue } from "../../sealing/sealed-value.ts";
import type { Workload } from "../../sealing/workload.ts";
import { Secret } from "../../shared/secret.ts";
import type { Failed, Outcome, StoreContext } from "../store.ts";
import type { SealedInstance } from "./instance.ts";
import { ageProblem, damaged, holderProblem, type Problem, scopeProblem, unknownKey } from "./problems.ts";
import type { SealedRef } from "./ref.ts";

/** More than the classes of a node's pods have. */
const maximumValues = 10_000;
const maximumBytes = 8 * 1024 * 1024;

/**
 * Opens the values of one installation. A store inside this process is asked at every mount, so what was opened is
 * remembered for as long as the keys stay as they are; whose it is, is judged each time.
 */
export class Opener {
	readonly #instance: SealedInstance;
	readonly #directory: KeyDirectory;
	readonly #opened = new LRUCache<string, Secret>({
		max: maximumValues,
		maxSize: maximumBytes,
		sizeCalculation: ({ length }) => length + 1,
		dispose: (value) => value.wipe(),
	});
	readonly #advised = new LRUCache<string, true>({ max: maximumValues });
	#keys: readonly KeyFile[] = [];

	constructor(instance: SealedInstance) {
		this.#instance = instance;
		this.#directory = new KeyDirectory(instance.keyDirectory);
	}

	/**
	 * Opens a value for a pod: first what it says of itself is compared, then the decryption proves that it said the truth.
	 *
	 * @param advise hears once that the value's key is not the last one
	 * @throws ProviderError `unreachable` when the keys cannot be read
	 */
	async open(ref: SealedRef, pod: Workload, advise: StoreContext["advise"]): Promise<Outcome | Failed> {
		const { sealed, object } = ref;
		const withheld = holderProblem(sealed, pod) ?? scopeProblem(sealed, this.#instance);
		if (withheld !== undefined) return { kind: "denied", error: errorOf("denied", object, withheld) };
		const keys = this.#currentKeys();
		const file = keys.find(({ key }) => key.id === sealed.keyId);
		// A key that the administrator has taken away is a word on what it sealed, as a deleted secret is.
		if (file === undefined) return { kind: "absent", error: errorOf("absent", object, unknownKey(sealed)) };
		const value = this.#remembered(ref) ?? (await this.#decrypt(ref, file, keys));
		if (value === undefined) return { kind: "failed", error: errorOf("invalid", object, damaged) };
		this.#adviseOnce(ref, keys, advise);
		return { kind: "found", value, structure: "bytes" };
	}

	#currentKeys(): readonly KeyFile[] {
		const keys = this.#directory.keys();
		if (keys === this.#keys) return keys;
		this.#opened.clear();
		this.#advised.clear();
		this.#keys = keys;
		return keys;
	}

	/** A copy: whoever is given a value overwrites it when it is not wanted any more. */
	#remembered({ key }: SealedRef): Secret | undefined {
		const value = this.#opened.get(key);
		return value === undefined ? undefined : copy(value.reveal());
	}

	async #decrypt(ref: SealedRef, { key }: KeyFile, keys: readonly KeyFile[]): Promise<Secret | undefined> {
		const value = await openSealedValue(ref.sealed, key);
		if (value === undefined) return undefined;
		// The keys may have changed meanwhile, and with them what may be remembered.
		if (this.#keys === keys) this.#opened.set(ref.key, copy(value));
		return new Secret(value);
	}

	#adviseOnce({ key, sealed, object }: SealedRef, keys: readonly KeyFile[], advise: StoreContext["advise"]): void {
		const old = ageProblem(sealed, keys);
		if (old === undefined || advise === undefined || this.#advised.has(key)) return;
		this.#advised.set(key, true);
		advise(`${sentence(object, old)} ${old.remedy}`);
	}
}

function errorOf(code: ErrorCode, object: string, problem: Problem): ProviderError {
	return new ProviderError(code, sentence(object, problem), { remedy: problem.remedy });
}

function sentence(object: string, { cause }: Problem): string {
	return `The object ${quote(object)} ${cause}.`;
}

function copy(value: Buffer): Secret {
	return new Secret(Buffer.from(value));
}
