import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export const root = join(import.meta.dirname, "../..");

/** Files made from others, by their paths from the top of the checkout. */
export interface Part {
	readonly name: string;
	make(): Promise<ReadonlyMap<string, string>>;
}

export function write(files: ReadonlyMap<string, string>): void {
	for (const [path, text] of files) {
		mkdirSync(dirname(join(root, path)), { recursive: true });
		writeFileSync(join(root, path), text);
	}
}

/** The paths of files that are not what they would be if they were made now. */
export function stale(files: ReadonlyMap<string, string>): readonly string[] {
	return [...files].filter(([path, text]) => read(path) !== text).map(([path]) => path);
}

function read(path: string): string | undefined {
	try {
		return readFileSync(join(root, path), "utf8");
	} catch {
		return undefined;
	}
}
