import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ProviderError } from "../errors.ts";
import { errorCodeOf } from "../shared/error-code.ts";
import { readPrivateKey, type SealingKey } from "./sealing-key.ts";

const mostFiles = 100;
const largestFile = 16 * 1024;
const remedy = "Put the private keys there that `claviger seal keys` made, and nothing else, readable for the provider.";

/** A file of the directory, and the key in it. */
export interface KeyFile {
	readonly file: string;
	readonly key: SealingKey;
}

/**
 * The private keys in a directory, looked at again whenever a value is opened: a key is added or taken away without a
 * restart. Opened values are kept by their readers, so that this is no hot path.
 */
export class KeyDirectory {
	readonly #directory: string;
	#files: readonly KeyFile[] = [];
	#fingerprint = "";

	constructor(directory: string) {
		this.#directory = directory;
	}

	/**
	 * The keys, in the order of their files' names.
	 *
	 * @throws ProviderError `unreachable` when the directory or a file cannot be used: a half-written one is no word on
	 * what may be opened
	 */
	keys(): readonly KeyFile[] {
		const files = this.#list();
		const fingerprint = files.map(({ path, status }) => `${path} ${status.ino} ${status.size} ${status.mtimeMs}`).join("\n");
		if (fingerprint !== this.#fingerprint) this.#files = files.map(({ path }) => this.#read(path));
		this.#fingerprint = fingerprint;
		return this.#files;
	}

	/** The names that begin with `..` are those by which kubelet swaps the files of a mounted Secret at once. */
	#list() {
		const names = this.#attempt(this.#directory, () => readdirSync(this.#directory))
			.filter((name) => !name.startsWith(".."))
			.sort();
		if (names.length === 0) throw unusable(this.#directory, "holds no key");
		if (names.length > mostFiles) throw unusable(this.#directory, `holds more than ${mostFiles} files`);
		return names.map((name) => {
			const path = join(this.#directory, name);
			const status = this.#attempt(path, () => statSync(path));
			if (!status.isFile() || status.size > largestFile) throw unusable(path, "is no file of a key");
			return { path, status };
		});
	}

	#read(path: string): KeyFile {
		const key = readPrivateKey(this.#attempt(path, () => readFileSync(path, "utf8")));
		if (typeof key === "string") throw unusable(path, key);
		return { file: path, key };
	}

	#attempt<Result>(path: string, use: () => Result): Result {
		try {
			return use();
		} catch (cause) {
			const code = errorCodeOf(cause) ?? "no reason given";
			throw unusable(path, `cannot be read (${code})`, cause);
		}
	}
}

function unusable(path: string, problem: string, cause?: unknown): ProviderError {
	return new ProviderError("unreachable", `${path}, of the keys for sealed values, ${problem}.`, { remedy, cause });
}
