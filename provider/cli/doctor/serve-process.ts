import { readFileSync } from "node:fs";
import { basename } from "node:path";

/** A running `claviger serve`, as /proc shows it to its own user. */
export interface ServeProcess {
	readonly id: number;
	/** Node's own flags, such as `--max-old-space-size=48`. */
	readonly nodeFlags: readonly string[];
	/** What follows `serve`. */
	readonly flags: readonly string[];
	/** Milliseconds since 1970; undefined where /proc does not tell. */
	readonly startedAt: number | undefined;
	/** The text of a file below its folder in /proc, such as `status`; undefined when it cannot be read. */
	read(file: string): string | undefined;
}

const programNames = new Set(["claviger", "claviger.cjs", "start.cjs", "start.js"]);
/** The unit of start times in /proc (proc(5), USER_HZ), which is this everywhere that Node runs. */
const ticksPerSecond = 100;

/**
 * Finds the provider that runs beside this process: in a container it is process 1.
 *
 * @param folder `/proc`; a test has its own
 * @returns undefined when that process is no `claviger serve`, or cannot be looked at
 */
export function findServeProcess(id: number, folder = "/proc"): ServeProcess | undefined {
	const read = (file: string) => readText(`${folder}/${id}/${file}`);
	const words = read("cmdline")?.split("\0").slice(0, -1) ?? [];
	const program = words.findIndex((word) => programNames.has(basename(word)));
	if (program === -1 || words[program + 1] !== "serve") return undefined;
	return {
		id,
		nodeFlags: words.slice(1, program),
		flags: words.slice(program + 2),
		startedAt: startOf(read("stat"), readText(`${folder}/uptime`)),
		read,
	};
}

export function readText(file: string): string | undefined {
	try {
		return readFileSync(file, "utf8");
	} catch {
		return undefined;
	}
}

/** Field 22 of `stat`, counted behind the name, which may hold anything, in ticks since the machine started. */
function startOf(stat: string | undefined, uptime: string | undefined): number | undefined {
	const ticks = Number(stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
	const age = Number(uptime?.split(" ")[0]) - ticks / ticksPerSecond;
	return Number.isNaN(age) ? undefined : Date.now() - age * 1000;
}
