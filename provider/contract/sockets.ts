import { randomBytes } from "node:crypto";
import { lstatSync, unlinkSync } from "node:fs";
import { chmod, lstat, readdir, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ProviderError } from "../errors.ts";
import { askRuntimeName, isAnswered } from "./probe.ts";

const providerName = /^[a-zA-Z0-9_-]{1,30}$/;
const temporaryName = /^\.clv-[0-9a-f]{8}$/;
const temporaryNameLength = 13;
/** What fits into sockaddr_un of Linux, whose 108th byte is the terminator. */
const longestSocketPath = 107;

/** A socket on its final path, listened on by this process. */
export interface OwnSocket {
	readonly path: string;
	/** Removes the socket unless another process has put its own in the place. */
	release(): void;
}

/**
 * The socket paths of the providers.
 * @throws ProviderError `invalid` for a name the driver would refuse, a name given twice, or a directory too long
 */
export function socketPaths(directory: string, providers: readonly string[]): readonly string[] {
	const folder = resolve(directory);
	if (providers.length === 0) throw invalid("No provider name is given.", "Name at least one, such as claviger.");
	for (const [index, name] of providers.entries()) {
		if (!providerName.test(name)) {
			throw invalid(`The provider name ${JSON.stringify(name.slice(0, 80))} is not valid.`, "Use 1 to 30 letters, digits, _ and -.");
		}
		if (providers.indexOf(name) !== index) throw invalid(`The provider name ${name} is given twice.`, "Name it once.");
	}
	const paths = providers.map((name) => join(folder, `${name}.sock`));
	checkLength(folder, paths);
	return paths;
}

/** Listening starts on a temporary name, so that one must fit as well. */
function checkLength(folder: string, paths: readonly string[]): void {
	for (const path of [...paths, join(folder, "x".repeat(temporaryNameLength))]) {
		const length = Buffer.byteLength(path);
		if (length <= longestSocketPath) continue;
		throw invalid(
			`The socket directory ${folder} is too long: a socket path in it takes ${length} bytes, and ${longestSocketPath} are possible.`,
			"Use a directory with a shorter path.",
		);
	}
}

/** @throws ProviderError `invalid` when there is no such directory */
export async function checkDirectory(directory: string): Promise<void> {
	const found = await lstatOrNothing(`${resolve(directory)}/.`);
	if (found?.isDirectory()) return;
	throw invalid(`The socket directory ${resolve(directory)} does not exist.`, "Create it, or mount the driver's socket directory there.");
}

/**
 * Makes sure that a path may be taken: nothing is there, something dead, or an older Claviger, which
 * is then taken over from.
 *
 * @returns true when a running Claviger is taken over from
 * @throws ProviderError `invalid` when somebody else answers there
 */
export async function checkFree(path: string): Promise<boolean> {
	const found = await lstatOrNothing(path);
	if (found === undefined) return false;
	if (found.isDirectory()) throw invalid(`${path} is a directory.`, "Remove it, or use another socket directory.");
	if (!(await isAnswered(path))) return false;
	const runtimeName = await askRuntimeName(path);
	if (runtimeName === "claviger") return true;
	// It may have ended while it was asked.
	if (runtimeName === undefined && !(await isAnswered(path))) return false;
	const owner = runtimeName === undefined ? "a program that is no provider, or hangs" : `the provider ${JSON.stringify(runtimeName)}`;
	throw invalid(`The socket ${path} is in use by ${owner}.`, "Stop that program, or leave this provider name out.");
}

/** Removes sockets that an earlier process left between listening and renaming. */
export async function removeLeftovers(directory: string): Promise<void> {
	for (const entry of await readdir(directory, { withFileTypes: true })) {
		const path = join(directory, entry.name);
		if (entry.isSocket() && temporaryName.test(entry.name) && !(await isAnswered(path))) await rm(path, { force: true });
	}
}

/** A path nobody uses, for listening before the final name is taken. */
export function temporaryPath(directory: string): string {
	return join(resolve(directory), `.clv-${randomBytes(4).toString("hex")}`);
}

/**
 * Puts a socket that is listened on in its final place, in one step: a caller finds the old socket
 * or the new one, never none. Closing the listener later removes only the temporary name, so the
 * final one is removed by {@link OwnSocket.release}.
 */
export async function publish(temporary: string, path: string): Promise<OwnSocket> {
	await chmod(temporary, 0o600);
	const { dev, ino } = await lstat(temporary);
	await rename(temporary, path);
	return {
		path,
		release() {
			// Back to back, because what another process puts here between the two steps would be removed.
			const found = lstatSync(path, { throwIfNoEntry: false });
			if (found?.ino === ino && found.dev === dev) unlinkSync(path);
		},
	};
}

async function lstatOrNothing(path: string) {
	try {
		return await lstat(path);
	} catch (cause) {
		if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
		throw new ProviderError("invalid", `${path} cannot be looked at.`, { remedy: "Check the permissions of the socket directory.", cause });
	}
}

function invalid(message: string, remedy: string): ProviderError {
	return new ProviderError("invalid", message, { remedy });
}
