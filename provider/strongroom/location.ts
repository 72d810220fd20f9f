import { mkdirSync, type Stats, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { ProviderError } from "../errors.ts";
import { errorCodeOf } from "../shared/error-code.ts";

/** Where one strongroom lies. All paths are absolute. */
export interface Location {
	readonly directory: string;
	readonly database: string;
	readonly keyFile: string;
	/** The second half of the unseal key, kept elsewhere; absent when one file is enough. */
	readonly keyFile2?: string;
}

/** What somebody wrote about the place; what is missing comes from the environment, then from the defaults. */
export interface LocationOptions {
	readonly directory?: string | undefined;
	readonly keyFile?: string | undefined;
	readonly keyFile2?: string | undefined;
}

const defaultDirectory = "/var/lib/claviger/strongroom";

/** Completes a location: `CLAVIGER_STRONGROOM`, `CLAVIGER_STRONGROOM_KEY`, `CLAVIGER_STRONGROOM_KEY2`, then the defaults. */
export function locate(options: LocationOptions, environment: NodeJS.ProcessEnv = process.env): Location {
	const directory = resolve(firstText(options.directory, environment["CLAVIGER_STRONGROOM"]) ?? defaultDirectory);
	const keyFile = resolve(firstText(options.keyFile, environment["CLAVIGER_STRONGROOM_KEY"]) ?? join(directory, "unseal.key"));
	const keyFile2 = firstText(options.keyFile2, environment["CLAVIGER_STRONGROOM_KEY2"]);
	const database = join(directory, "strongroom.db");
	return keyFile2 === undefined ? { directory, database, keyFile } : { directory, database, keyFile, keyFile2: resolve(keyFile2) };
}

function firstText(...texts: readonly (string | undefined)[]): string | undefined {
	return texts.find((text) => text !== undefined && text !== "");
}

/** Makes the directory, for its owner only; one that exists is left as it is and judged by {@link checkPrivate}. */
export function makeDirectory(path: string): void {
	try {
		mkdirSync(path, { recursive: true, mode: 0o700 });
	} catch (error) {
		throw new ProviderError("unreachable", `The directory ${path} cannot be made (${errorCodeOf(error) ?? "unknown error"}).`, {
			cause: error,
		});
	}
}

/**
 * Refuses a file or directory that anybody but its owner may enter, read or write.
 *
 * @throws ProviderError `unreachable` when it is missing, or open to others
 */
export function checkPrivate(path: string, kind: "directory" | "file", missingRemedy: string): void {
	const found = statOf(path, kind, missingRemedy);
	const isKind = kind === "directory" ? found.isDirectory() : found.isFile();
	if (!isKind) throw new ProviderError("unreachable", `${path} is not a ${kind}.`, { remedy: missingRemedy });
	const mode = found.mode & 0o777;
	if ((mode & 0o077) === 0) return;
	const wanted = kind === "directory" ? "0700" : "0600";
	throw new ProviderError("unreachable", `The ${kind} ${path} is open to others than its owner (mode 0${mode.toString(8)}).`, {
		remedy: `Run: chmod ${wanted} ${path}`,
	});
}

function statOf(path: string, kind: string, missingRemedy: string): Stats {
	try {
		return statSync(path);
	} catch (error) {
		throw new ProviderError("unreachable", `The ${kind} ${path} cannot be reached (${errorCodeOf(error) ?? "unknown error"}).`, {
			remedy: missingRemedy,
			cause: error,
		});
	}
}
