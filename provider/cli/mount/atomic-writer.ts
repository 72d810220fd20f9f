import { randomBytes } from "node:crypto";
import {
	chmodSync,
	existsSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	renameSync,
	rmSync,
	symlinkSync,
	unlinkSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { ProviderError } from "../../errors.ts";
import type { AnsweredFile } from "./answer.ts";

export type Change = "new" | "changed" | "same" | "removed";

const dataLink = "..data";
const temporaryLink = "..data_tmp";

/**
 * Makes a volume hold exactly these files, all at once: a reader sees the old files or the new ones,
 * never a mixture. Equal contents write nothing and leave every time and mode as they are, so a
 * change of a mode alone waits for the next change of contents.
 *
 * Layout: `..data` links to a directory `..<UTC time>.<random>` with the files, and each first
 * path element links into `..data`. It differs from the driver's writer in one point: an attempt that fails
 * leaves no copy of the secrets behind.
 *
 * Source: the behaviour of secrets-store-csi-driver v1.6.0 (pkg/util/fileutil).
 * @param files by path; paths are those that the driver accepts
 * @returns what became of every path, those of removed files included
 * @throws an error of the file system; the volume's files are then as before
 */
export function writeAtomically(volume: string, files: ReadonlyMap<string, AnsweredFile>): ReadonlyMap<string, Change> {
	removePlainEntries(volume, files);
	const oldName = readDataLink(volume);
	const changes = compare(oldName === undefined ? undefined : join(volume, oldName), files);
	if (oldName !== undefined && [...changes.values()].every((change) => change === "same")) return changes;
	const newName = writeDirectory(volume, files);
	try {
		linkFirstElements(volume, files);
		symlinkSync(newName, join(volume, temporaryLink));
		renameSync(join(volume, temporaryLink), join(volume, dataLink));
	} catch (error) {
		rmSync(join(volume, newName), { recursive: true, force: true });
		throw error;
	}
	unlinkRemoved(volume, files, changes);
	if (oldName !== undefined) rmSync(join(volume, oldName), { recursive: true, force: true });
	return changes;
}

/** True for the names and links that this writer makes: nothing else in a directory is ours. */
export function isWriterEntry(volume: string, name: string): boolean {
	if (name.startsWith("..")) return true;
	const path = join(volume, name);
	return lstatSync(path).isSymbolicLink() && readlinkSync(path) === join(dataLink, name);
}

/** What stands where a link to the files belongs is in the way, and the driver removes it. */
function removePlainEntries(volume: string, files: ReadonlyMap<string, AnsweredFile>): void {
	for (const element of firstElements(files.keys())) {
		const path = join(volume, element);
		const found = lstatSync(path, { throwIfNoEntry: false });
		if (found !== undefined && !found.isSymbolicLink()) rmSync(path, { recursive: true });
	}
}

function readDataLink(volume: string): string | undefined {
	const path = join(volume, dataLink);
	if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
	const name = readlinkSync(path);
	// The directory behind the link is removed later on, so the link must not lead out of the volume.
	if (name.includes("/") || name === "." || name === "..") {
		throw new ProviderError("invalid", `${path} leads to ${JSON.stringify(name)}, out of the volume.`, {
			remedy: "Something else wrote into it; use another target.",
		});
	}
	return name;
}

function compare(oldDirectory: string | undefined, files: ReadonlyMap<string, AnsweredFile>): ReadonlyMap<string, Change> {
	const changes = new Map<string, Change>();
	const oldPaths = new Set(oldDirectory === undefined ? [] : filePaths(oldDirectory));
	for (const [path, { contents }] of files) {
		if (oldDirectory === undefined || !oldPaths.has(path)) changes.set(path, "new");
		else changes.set(path, readFileSync(join(oldDirectory, path)).equals(contents) ? "same" : "changed");
	}
	for (const path of oldPaths) if (!files.has(path)) changes.set(path, "removed");
	return changes;
}

function filePaths(directory: string): readonly string[] {
	if (!existsSync(directory)) return [];
	return readdirSync(directory, { withFileTypes: true, recursive: true })
		.filter((entry) => !entry.isDirectory())
		.map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
}

function writeDirectory(volume: string, files: ReadonlyMap<string, AnsweredFile>): string {
	const name = `..${timestamp(new Date())}.${randomBytes(4).readUInt32BE()}`;
	const directory = join(volume, name);
	mkdirSync(directory, { mode: 0o700 });
	try {
		for (const { path, mode, contents } of files.values()) {
			const file = join(directory, path);
			mkdirSync(dirname(file), { recursive: true });
			writeFileSync(file, contents, { mode: 0o600, flag: "wx" });
			chmodSync(file, mode & 0o777);
		}
		// Only now may others look in, when every file has the mode it shall have.
		chmodSync(directory, 0o755);
	} catch (error) {
		rmSync(directory, { recursive: true, force: true });
		throw error;
	}
	return name;
}

function linkFirstElements(volume: string, files: ReadonlyMap<string, AnsweredFile>): void {
	for (const element of firstElements(files.keys())) {
		const path = join(volume, element);
		if (lstatSync(path, { throwIfNoEntry: false }) === undefined) symlinkSync(join(dataLink, element), path);
	}
}

function unlinkRemoved(volume: string, files: ReadonlyMap<string, AnsweredFile>, changes: ReadonlyMap<string, Change>): void {
	const kept = firstElements(files.keys());
	const removed = [...changes].filter(([, change]) => change === "removed").map(([path]) => path);
	for (const element of firstElements(removed)) {
		const path = join(volume, element);
		if (!kept.has(element) && lstatSync(path, { throwIfNoEntry: false }) !== undefined) unlinkSync(path);
	}
}

function firstElements(paths: Iterable<string>): ReadonlySet<string> {
	return new Set([...paths].map((path) => path.split("/", 1)[0] ?? path));
}

/** `2026_11_24_05_42_00`, in UTC. */
function timestamp(time: Date): string {
	return time.toISOString().slice(0, 19).replace(/[-T:]/g, "_");
}
