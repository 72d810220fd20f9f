import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, realpathSync, rmdirSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { ProviderError } from "../../errors.ts";
import { isWriterEntry } from "./atomic-writer.ts";

/** A directory that is ready to take files. */
export interface Volume {
	readonly directory: string;
	/** `tmpfs`: one of our own. `memory`: some other file system in memory. `disk`: anything else. */
	readonly medium: "tmpfs" | "memory" | "disk";
	/** Undoes what {@link openVolume} made, after a first mount that failed; otherwise does nothing. */
	undo(): void;
}

/** How our own mounts are told from others. */
const source = "claviger";
const tmpfsMagic = 0x01021994;

/**
 * Makes the target a volume: a tmpfs of its own, as the driver does, where this process may mount one.
 *
 * @param tmpfs false: write into the directory itself
 * @throws ProviderError `refused` when the secrets would get on a disk unasked, or the directory holds other things
 */
export function openVolume(target: string, tmpfs: boolean): Volume {
	const firstCreated = mkdirSync(target, { recursive: true });
	const directory = realpathSync(target);
	const removeCreated = () => {
		if (firstCreated !== undefined) rmSync(directory, { recursive: true });
	};
	if (isOurMount(directory)) return { directory, medium: "tmpfs", undo: () => undefined };
	try {
		const medium = chooseMedium(directory, tmpfs);
		const undo = () => {
			if (medium === "tmpfs") umount(directory);
			removeCreated();
		};
		return { directory, medium, undo };
	} catch (error) {
		removeCreated();
		throw error;
	}
}

/** Mounts a tmpfs unless that is not wanted, or cannot be and the directory is in memory anyway. */
function chooseMedium(directory: string, tmpfs: boolean): Volume["medium"] {
	const entries = refuseForeignEntries(directory);
	const inMemory = isInMemory(directory);
	if (!tmpfs) return inMemory ? "memory" : "disk";
	if (entries > 0 && inMemory) return "memory";
	if (entries > 0) throw refusal(`${directory} holds a volume on a disk.`, "Go on with --no-tmpfs, or remove it with --unmount.");
	try {
		mountTmpfs(directory);
		return "tmpfs";
	} catch (error) {
		if (inMemory) return "memory";
		throw error;
	}
}

/**
 * Removes the files, the mount, and the directory if it is empty then. As with the driver, the files go first:
 * they are gone even when somebody keeps the mount busy.
 *
 * @throws ProviderError `refused` when the directory holds other things than a volume
 */
export function removeVolume(target: string): void {
	const directory = realpathSync(target);
	const mounted = isOurMount(directory);
	if (!mounted) refuseForeignEntries(directory);
	for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true });
	if (mounted) umount(directory);
	rmdirSync(directory);
}

/** Counts the entries; none of them may be another's than our writer's. */
function refuseForeignEntries(directory: string): number {
	const names = readdirSync(directory);
	const foreign = names.find((name) => !isWriterEntry(directory, name));
	if (foreign === undefined) return names.length;
	throw refusal(`${directory} holds ${JSON.stringify(foreign)}, which is no part of a volume.`, "Use an empty directory as the target.");
}

function isOurMount(directory: string): boolean {
	if (process.platform !== "linux") return false;
	const mounts = readFileSync("/proc/self/mountinfo", "utf8")
		.split("\n")
		.map((line) => line.split(" "))
		.filter((fields) => unescapeOctal(fields[4] ?? "") === directory);
	const topmost = mounts.at(-1);
	if (topmost === undefined) return false;
	const [type, device] = topmost.slice(topmost.indexOf("-") + 1);
	return type === "tmpfs" && device === source;
}

/** Blanks and backslashes of a mount point are written as `\040`. */
function unescapeOctal(text: string): string {
	return text.replace(/\\([0-7]{3})/g, (_escape, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

function isInMemory(directory: string): boolean {
	return process.platform === "linux" && statfsSync(directory).type === tmpfsMagic;
}

function mountTmpfs(directory: string): void {
	const remedy = "Run as root on Linux, choose a target in memory (such as below /dev/shm), or write to the disk with --no-tmpfs.";
	const mayMount = process.platform === "linux" && process.geteuid?.() === 0;
	if (!mayMount) throw refusal(`A tmpfs cannot be mounted on ${directory}, so the secrets would get on a disk.`, remedy);
	try {
		execFileSync("mount", ["-t", "tmpfs", "-o", "nodev,nosuid,noexec,mode=0755", source, directory], { stdio: "pipe" });
	} catch (error) {
		throw refusal(`A tmpfs cannot be mounted on ${directory}: ${reasonOf(error)}.`, remedy);
	}
}

function umount(directory: string): void {
	try {
		execFileSync("umount", [directory], { stdio: "pipe" });
	} catch (error) {
		throw refusal(`${directory} cannot be unmounted: ${reasonOf(error)}.`, "End the processes that use it, and try again.");
	}
}

function reasonOf(error: unknown): string {
	const { stderr } = error as { readonly stderr?: Buffer };
	const line = stderr?.toString("utf8").trim().split("\n", 1)[0];
	return line === undefined || line === "" ? String(error instanceof Error ? error.message : error) : line.replace(/\.$/, "");
}

function refusal(message: string, remedy: string): ProviderError {
	return new ProviderError("refused", message, { remedy });
}
