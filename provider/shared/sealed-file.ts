import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCodeOf } from "./error-code.ts";

const algorithm = "aes-256-gcm";
/** Names the format; the last byte is its version. */
const header = Buffer.from("claviger sealed file\x01", "latin1");
const nonceLength = 12;
const tagLength = 16;
const keyLength = 32;
const largestBytes = 64 * 1024 * 1024;
const saveIntervalMilliseconds = 1_000;

export interface SealedFileOptions {
	readonly path: string;
	/** Material of at least 32 bytes, from which the file's own key is derived. */
	readonly key: Buffer;
	/** What the file is for: another purpose has another key, and cannot be read as this one. */
	readonly purpose: string;
	/** Hears why a file was not read or not written. */
	warn(reason: string, cause?: unknown): void;
}

/**
 * A file of JSON, encrypted with AES-256-GCM under a key derived by HKDF-SHA-256 (RFC 5869): the header
 * `claviger sealed file` and a version byte, a random nonce of 12 bytes, the ciphertext, a tag of 16 bytes.
 * Header and purpose are authenticated with it. A file is replaced whole or not at all. Reading and writing never
 * fail a caller: what cannot be read is as good as absent, and what cannot be written is written with the next change.
 */
export class SealedFile {
	readonly #options: SealedFileOptions;
	readonly #key: Buffer;
	readonly #context: Buffer;
	#content: (() => unknown) | undefined;
	#timer: NodeJS.Timeout | undefined;
	#writing = Promise.resolve();
	#writtenAt = Number.NEGATIVE_INFINITY;

	constructor(options: SealedFileOptions) {
		this.#options = options;
		const purpose = Buffer.from(options.purpose, "utf8");
		this.#key = Buffer.from(hkdfSync("sha256", options.key, Buffer.alloc(0), Buffer.concat([header, purpose]), keyLength));
		this.#context = Buffer.concat([header, purpose]);
	}

	/** What was last saved; undefined when there is no file, or none that may be believed. */
	async read(): Promise<unknown> {
		try {
			const sealed = await readPrivately(this.#options.path);
			return sealed === undefined ? undefined : JSON.parse(this.#unseal(sealed).toString("utf8"));
		} catch (cause) {
			this.#options.warn(cause instanceof UnusableFile ? cause.message : "it cannot be read", cause);
			return undefined;
		}
	}

	/**
	 * Saves at once, or a second after the last time; of several calls meanwhile the last one counts.
	 *
	 * @param content makes what is saved, at the moment when it is
	 */
	saveSoon(content: () => unknown): void {
		this.#content = content;
		const wait = Math.max(0, this.#writtenAt + saveIntervalMilliseconds - performance.now());
		this.#timer ??= setTimeout(() => void this.flush(), wait);
	}

	/** Saves what waits to be saved; resolves when it is on disk, or could not be put there. */
	flush(): Promise<void> {
		clearTimeout(this.#timer);
		this.#timer = undefined;
		this.#writtenAt = performance.now();
		this.#writing = this.#writing.then(() => this.#write());
		return this.#writing;
	}

	async #write(): Promise<void> {
		const content = this.#content;
		if (content === undefined) return;
		this.#content = undefined;
		try {
			await replaceFile(this.#options.path, this.#seal(Buffer.from(JSON.stringify(content()), "utf8")));
		} catch (cause) {
			this.#options.warn("it cannot be written", cause);
		}
	}

	#seal(plain: Buffer): Buffer {
		const nonce = randomBytes(nonceLength);
		const cipher = createCipheriv(algorithm, this.#key, nonce, { authTagLength: tagLength });
		cipher.setAAD(this.#context);
		const sealed = Buffer.concat([header, nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
		plain.fill(0);
		return sealed;
	}

	#unseal(sealed: Buffer): Buffer {
		if (sealed.length < header.length + nonceLength + tagLength || !sealed.subarray(0, header.length).equals(header))
			throw new UnusableFile("it is no sealed file of this version");
		const nonce = sealed.subarray(header.length, header.length + nonceLength);
		const decipher = createDecipheriv(algorithm, this.#key, nonce, { authTagLength: tagLength });
		decipher.setAAD(this.#context);
		decipher.setAuthTag(sealed.subarray(-tagLength));
		const unproven = decipher.update(sealed.subarray(header.length + nonceLength, -tagLength));
		try {
			decipher.final();
		} catch (cause) {
			unproven.fill(0);
			throw new UnusableFile("it is damaged, or was sealed with another key", { cause });
		}
		return unproven;
	}
}

/** A file that is there and must not be used; the message is a clause. */
class UnusableFile extends Error {
	override readonly name = "UnusableFile";
}

/** The bytes of a file that is this user's alone; undefined when there is none. */
async function readPrivately(path: string): Promise<Buffer | undefined> {
	let file: FileHandle;
	try {
		file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
	} catch (error) {
		if (errorCodeOf(error) === "ENOENT") return undefined;
		throw error;
	}
	return withFile(file, async () => {
		const { mode, uid, size } = await file.stat();
		if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw new UnusableFile("it is no regular file");
		if ((mode & 0o077) !== 0 || uid !== process.geteuid?.()) throw new UnusableFile("others than its owner may use it");
		if (size > largestBytes) throw new UnusableFile("it is too large");
		return file.readFile();
	});
}

/** A reader, and a start after a crash, meet the old file or the new one. */
async function replaceFile(path: string, bytes: Buffer): Promise<void> {
	const unfinished = `${path}.new`;
	// What a crash left there may have another mode or owner.
	await rm(unfinished, { force: true });
	await withFile(await open(unfinished, "wx", 0o600), async (file) => {
		await file.writeFile(bytes);
		await file.sync();
	});
	await rename(unfinished, path);
	// Without this the new name may be lost in a crash, though the bytes are not.
	await withFile(await open(dirname(path), constants.O_RDONLY), (directory) => directory.sync());
}

async function withFile<Result>(file: FileHandle, use: (file: FileHandle) => Promise<Result>): Promise<Result> {
	try {
		return await use(file);
	} finally {
		await file.close();
	}
}
