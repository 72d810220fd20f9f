import { ProviderError } from "../errors.ts";
import { errorCodeOf } from "../shared/error-code.ts";
import type { Location } from "./location.ts";

/** Runs work on the engine, and says what its error means. The engine's own text may quote what it found in a damaged file, so it stays in the cause. */
export function guard<T>(location: Location, work: () => T): T {
	try {
		return work();
	} catch (error) {
		if (error instanceof ProviderError) throw error;
		const { problem, remedy } = explain(error);
		throw new ProviderError("unreachable", `The database ${location.database} ${problem}.`, { remedy, cause: error });
	}
}

const checkDisk = "Look at the file and its disk.";
const restore = "Restore the directory from a backup.";

/** SQLite's primary result codes, https://sqlite.org/rescode.html */
const explanations: ReadonlyMap<number, { readonly problem: string; readonly remedy: string }> = new Map([
	[5, { problem: "is locked by another process", remedy: "Try again when its command is done." }],
	[8, { problem: "is read-only", remedy: "The directory must be writable for this user, even for reading." }],
	[10, { problem: "cannot be read or written (input/output error)", remedy: checkDisk }],
	[11, { problem: "is damaged", remedy: restore }],
	[13, { problem: "cannot grow: the disk is full", remedy: "Make room, and try again." }],
	[14, { problem: "cannot be opened", remedy: checkDisk }],
	[26, { problem: "is not a database, or is damaged", remedy: restore }],
]);

function explain(error: unknown): { readonly problem: string; readonly remedy: string } {
	if (error instanceof Error && "errcode" in error && typeof error.errcode === "number") {
		const unknown = { problem: `gives no usable answer (SQLite result ${error.errcode})`, remedy: restore };
		return explanations.get(error.errcode & 0xff) ?? unknown;
	}
	return { problem: `cannot be used (${errorCodeOf(error) ?? "unknown error"})`, remedy: checkDisk };
}
