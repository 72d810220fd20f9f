import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildLock, cacheDirectory, tail, tellingProgress } from "./build-cache.ts";

interface PythonProgram {
	/** What to start, of those that the packages bring. */
	readonly command: string;
	/** The packages with their versions, from the top of the checkout. */
	readonly requirements: string;
	/** How long the first installation takes, for people who wait. */
	readonly firstBuild: string;
}

/** The programs in Python that tests start. */
const programs = {
	moto_server: { command: "moto_server", requirements: "test/servers/aws/requirements.txt", firstBuild: "about a minute" },
	confidant: { command: "gunicorn", requirements: "test/servers/confidant/requirements.txt", firstBuild: "about half a minute" },
} as const satisfies Readonly<Record<string, PythonProgram>>;

export type PythonProgramName = keyof typeof programs;

export const pythonProgramNames: readonly PythonProgramName[] = Object.keys(programs).filter(isProgramName);

const checkout = join(import.meta.dirname, "../..");
const builds = new Map<PythonProgramName, Promise<string>>();

/**
 * The path of a program in a virtual environment of its own, made unless one of the same requirements by the
 * same Python is there already, in the folder `python` of {@link cacheDirectory}. It is made once
 * however many processes ask for it at the same time.
 *
 * @throws Error when Python is missing or the packages cannot be installed
 */
export function pythonProgram(name: PythonProgramName): Promise<string> {
	const known = builds.get(name);
	if (known !== undefined) return known;
	const build = findOrBuild(name);
	builds.set(name, build);
	return build;
}

async function findOrBuild(name: PythonProgramName): Promise<string> {
	const { command, requirements, firstBuild } = programs[name];
	const directory = join(cacheDirectory(), "python");
	const environment = join(directory, `${name}-${fingerprint(join(checkout, requirements))}`);
	// An environment cannot be renamed when it is ready, because its programs name their interpreter's path.
	const ready = join(environment, "ready");
	const program = join(environment, "bin", command);
	if (existsSync(ready)) return program;
	mkdirSync(directory, { recursive: true });
	using _lock = await buildLock(join(directory, `${name}.lock`));
	if (existsSync(ready)) return program;
	rmSync(environment, { recursive: true, force: true });
	await tellingProgress(name, firstBuild, () => install(environment, join(checkout, requirements)));
	writeFileSync(ready, "");
	return program;
}

function fingerprint(requirements: string): string {
	const version = spawnSync("python3", ["-c", "import sys; print(sys.version, sys.base_prefix)"], { encoding: "utf8" });
	if (version.error !== undefined || version.status !== 0)
		throw new Error(
			"Python is needed for the AWS emulator and for Confidant, and was not found. Install Python 3.11 or newer with its venv module, or run scripts/test --without-servers.",
		);
	return createHash("sha256").update(version.stdout).update(readFileSync(requirements)).digest("hex").slice(0, 16);
}

async function install(environment: string, requirements: string): Promise<void> {
	await run("python3", ["-m", "venv", environment], "Install Python's venv module (Debian: python3-venv).");
	const parameters = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement", requirements];
	await run(join(environment, "bin/python"), parameters, "Let pip reach PyPI.");
}

async function run(program: string, parameters: readonly string[], remedy: string): Promise<void> {
	const child = spawn("nice", [program, ...parameters], { stdio: ["ignore", "pipe", "pipe"] });
	const output: Buffer[] = [];
	for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => output.push(chunk));
	const status = await new Promise<number | null>((resolve, reject) => {
		child.once("error", reject);
		child.once("close", resolve);
	});
	if (status !== 0) throw new Error(`${program} ${parameters.join(" ")} failed. ${remedy}\n${tail(Buffer.concat(output).toString())}`);
}

function isProgramName(name: string): name is PythonProgramName {
	return Object.hasOwn(programs, name);
}

// On the command line: `node test/servers/python-program.ts NAME…` installs each and prints its path.
if (import.meta.main) {
	for (const name of process.argv.slice(2)) {
		if (!isProgramName(name)) throw new Error(`no program ${name}; there are ${pythonProgramNames.join(", ")}`);
		console.log(await pythonProgram(name));
	}
}
