import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const serverBuilder = "test/servers/go-binary.ts";

export interface TestFiles {
	readonly all: readonly string[];
	/** Those that start a server built with Go. */
	readonly withServers: readonly string[];
	readonly withoutServers: readonly string[];
}

/** Which tests need servers is read from their imports, so that no list of them can be out of date. */
export function findTestFiles(): TestFiles {
	const all = globSync("test/**/*.test.ts").sort();
	const withServers = all.filter((file) => reaches(file, serverBuilder, new Set()));
	return { all, withServers, withoutServers: all.filter((file) => !withServers.includes(file)) };
}

function reaches(file: string, target: string, seen: Set<string>): boolean {
	if (file === target) return true;
	if (seen.has(file) || !existsSync(file)) return false;
	seen.add(file);
	const imports = readFileSync(file, "utf8").matchAll(/(?:from|import\()\s*"(\.[^"]+\.ts)"/g);
	return imports.some(([, path = ""]) => reaches(join(dirname(file), path), target, seen));
}
