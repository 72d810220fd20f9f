import { posix } from "node:path";
import { ProviderError } from "../../errors.ts";

/** One file of an answer, as the driver takes it. */
export interface AnsweredFile {
	readonly path: string;
	/** Only the nine permission bits reach the disk. */
	readonly mode: number;
	readonly contents: Uint8Array;
}

/** An answer that the driver accepts. */
export interface AcceptedAnswer {
	/** By path; of files with one path the last one counts. */
	readonly files: ReadonlyMap<string, AnsweredFile>;
	readonly versions: ReadonlyMap<string, string>;
}

/** The contract's `MountResponse`. */
export interface ProviderAnswer {
	readonly errorCode: string;
	readonly files: readonly AnsweredFile[];
	readonly versions: ReadonlyMap<string, string>;
}

/**
 * Applies the driver's rules for an answer, in its words where it has any.
 *
 * Source: secrets-store-csi-driver v1.6.0, its provider client and the checks of its file writer.
 * @throws ProviderError `internal`: a provider that answers so is at fault
 */
export function acceptAnswer(answer: ProviderAnswer): AcceptedAnswer {
	if (answer.errorCode !== "") throw unacceptable(`mount request failed with provider error code ${answer.errorCode}`);
	if (answer.versions.size === 0) throw unacceptable("missing object versions");
	for (const { path } of answer.files) {
		const problem = pathProblem(path);
		if (problem !== undefined) throw unacceptable(`The file path ${JSON.stringify(path)} ${problem}.`);
	}
	return { files: new Map(answer.files.map((file) => [file.path, file])), versions: answer.versions };
}

/** Why the driver refuses a path. It is looser than Claviger itself, which sends no path of this kind. */
function pathProblem(path: string): string | undefined {
	if (path === "") return "is empty";
	if (posix.isAbsolute(path)) return "is absolute";
	if (posix.normalize(path) !== path || path.endsWith("/") || path === ".") return "is not in its shortest form";
	if (path.startsWith("..") || path.split("/").includes("..")) return "starts with `..` or has such an element";
	if (Buffer.byteLength(path) > 4096) return "is longer than 4096 bytes";
	if (path.split("/").some((element) => Buffer.byteLength(element) > 255)) return "has an element longer than 255 bytes";
	return undefined;
}

function unacceptable(text: string): ProviderError {
	return new ProviderError("internal", text, { remedy: "The driver refuses such an answer; the provider must be mended." });
}
