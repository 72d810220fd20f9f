import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const serverBuilders = ["test/servers/go-binary.ts", "test/servers/python-program.ts"];

/** Of the end-to-end tests, all of which scripts/e2e runs, those that belong to every run. */
export const shortForm = { file: "test/e2e/short.e2e.ts", configuration: "test/e2e/ava.config.js" } as const;

export interface TestFiles {
	readonly all: readonly string[];
	/** Those that start a server built with Go or Python. */
	readonly withServers: readonly string[];
	readonly withoutServers: readonly string[];
}

/** Which tests need servers is read from their imports, so that no list of them can be out of date. */
export function findTestFiles(): TestFiles {
	const all = globSync("test/**/*.test.ts").sort();
	const withServers = all.filter((file) => serverBuilders.some((builder) => reaches(file, builder, new Set())));
	return { all, withServers, withoutServers: all.filter((file) => !withServers.includes(file)) };
}

function reaches(file: string, target: string, seen: Set<string>): boolean {
	if (file === target) return true;
	if (seen.has(file) || !existsSync(file)) return false;
	seen.add(file);
	const imports = readFileSync(file, "utf8").matchAll(/(?:from|import\()\s*"(\.[^"]+\.ts)"/g);
	return imports.some(([, path = ""]) => reaches(join(dirname(file), path), target, seen));
}
