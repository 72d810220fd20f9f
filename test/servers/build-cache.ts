import { homedir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";

/** Where built servers lie, outside the checkout: `${CLAVIGER_CACHE:-${XDG_CACHE_HOME:-~/.cache}/claviger}`. */
export function cacheDirectory(): string {
	const { CLAVIGER_CACHE, XDG_CACHE_HOME } = process.env;
	return CLAVIGER_CACHE || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "claviger");
}

/**
 * Waits for the right to build. The lock is SQLite's on an empty database, because the kernel
 * takes it back from a process that was killed, which a lock file by itself does not get.
 */
export async function buildLock(path: string): Promise<Disposable> {
	const database = new DatabaseSync(path, { timeout: 0 });
	for (;;) {
		try {
			database.exec("BEGIN EXCLUSIVE");
			return { [Symbol.dispose]: () => database.close() };
		} catch (error) {
			if (!(error instanceof Error) || !error.message.includes("locked")) throw error;
		}
		await delay(250);
	}
}

/** Tells people on standard error that something is made which takes a while, and how long it took. */
export async function tellingProgress<T>(what: string, expectation: string, make: () => Promise<T>): Promise<T> {
	const began = Date.now();
	const seconds = () => Math.round((Date.now() - began) / 1000);
	console.error(`building ${what} (${expectation} the first time) …`);
	const progress = setInterval(() => console.error(`building ${what} … ${seconds()} s`), 15_000);
	const made = await make().finally(() => clearInterval(progress));
	console.error(`built ${what} in ${seconds()} s`);
	return made;
}

/** The end of a compiler's or installer's output, where its errors stand below the names of what it fetched. */
export function tail(text: string): string {
	return text.trim().split("\n").slice(-30).join("\n");
}
