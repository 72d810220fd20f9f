import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text as readText } from "node:stream/consumers";
import type { ExecutionContext } from "ava";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { checkout, type Document } from "./markdown.ts";

export interface WorkbenchOptions {
	/** Environment of the commands, beside PATH and HOME. */
	readonly environment?: Readonly<Record<string, string>>;
	/** What stands in the place of texts that are somebody's own, such as an address. */
	readonly replacements?: readonly (readonly [string | RegExp, string])[];
	/** Files that the reader has. */
	readonly files?: Readonly<Record<string, string>>;
	/** Whether a page's commands go on after one that fails, as when each stands for itself. */
	readonly independent?: boolean;
}

/** Programs in `commands/` that stand in for those of the same name, each of which says what it does. */
const commands = ["aws", "az", "claviger", "conjur", "docker", "gcloud", "helm", "kubectl", "vault"] as const;

/** What a page's commands came to. */
export interface WorkbenchResult {
	readonly status: number | null;
	readonly output: string;
	/** The calls that failed and should not have, a line each. */
	readonly failures: readonly string[];
}

/** Runs all commands of a page in one shell, as somebody who follows it, in a folder that looks like a checkout. */
export async function follow(t: ExecutionContext<unknown>, document: Document, options: WorkbenchOptions = {}): Promise<WorkbenchResult> {
	const directory = temporaryDirectory(t);
	const [place, journal, script] = [join(directory, "checkout"), join(directory, "journal"), join(directory, "script")];
	layOut(directory, place);
	writeFileSync(journal, "");
	for (const [name, content] of Object.entries(options.files ?? {})) writeFileSync(join(place, name), content);
	writeFileSync(script, scriptOf(document, options));
	const env = {
		PATH: [join(directory, "bin"), join(checkout, "node_modules/.bin"), process.env["PATH"]].join(":"),
		HOME: directory,
		DOCS_JOURNAL: journal,
		NO_UPDATE_NOTIFIER: "1",
		...options.environment,
	};
	// A process group of its own, so that what a page starts and forgets ends with it.
	const shell = spawn("bash", [script], { cwd: place, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
	const end = () => endGroup(shell.pid);
	t.teardown(end);
	const limit = setTimeout(end, 150_000);
	const [stdout, stderr, status] = await Promise.all([
		readText(shell.stdout),
		readText(shell.stderr),
		// What a page that failed has left running would keep the output open.
		new Promise<number | null>((resolve) => shell.once("exit", resolve)).finally(end),
	]).finally(() => clearTimeout(limit));
	const unknown = stderr.split("\n").filter((line) => /command not found|No such file or directory/.test(line));
	const failures = [...readFileSync(journal, "utf8").split("\n"), ...unknown].filter((line) => line !== "");
	return { status, output: `${stdout}${stderr}`, failures };
}

/** A page whose commands all did what it says. */
export function assertFollowed(t: ExecutionContext<unknown>, { status, output, failures }: WorkbenchResult): void {
	t.deepEqual(failures, [], output);
	t.is(status, 0, output);
}

function endGroup(id: number | undefined): void {
	if (id === undefined) return;
	try {
		process.kill(-id, "SIGKILL");
	} catch {
		// It has ended.
	}
}

/** Links to what a checkout has, so that files which commands make lie elsewhere; programs that are not to be run are stood in for. */
function layOut(directory: string, place: string): void {
	const bin = join(directory, "bin");
	for (const folder of [bin, place, join(place, "scripts")]) mkdirSync(folder);
	for (const name of readdirSync(checkout)) if (name !== "scripts" && name !== ".git") symlinkSync(join(checkout, name), join(place, name));
	for (const name of commands) makeLauncher(join(bin, name), `commands/${name}.ts`);
	for (const name of readdirSync(join(checkout, "scripts"))) {
		const [real, own] = [join(checkout, "scripts", name), join(place, "scripts", name)];
		if (name.includes(".")) symlinkSync(real, own);
		else makeLauncher(own, "commands/script.ts", real);
	}
}

function makeLauncher(path: string, program: string, ...parameters: readonly string[]): void {
	const words = [process.execPath, join(import.meta.dirname, program), ...parameters].map((word) => `'${word}'`);
	writeFileSync(path, `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`);
	chmodSync(path, 0o755);
}

function scriptOf(document: Document, options: WorkbenchOptions): string {
	const replace = (text: string) =>
		(options.replacements ?? []).reduce((result, [from, to]) => result.replaceAll(asGlobal(from), () => to), text);
	const file = (name: string, content: string) => `cat >${name} <<'END-OF-FILE'\n${replace(content)}END-OF-FILE\n`;
	const named = document.blocks.filter((block) => block.file !== undefined);
	// A command may use a file that the page shows further below.
	const early = named.toReversed().map((block) => file(block.file ?? "", block.text));
	const steps = document.blocks.flatMap((block) => {
		if (block.file !== undefined) return [file(block.file, block.text)];
		return block.language === "sh" ? [`echo '== ${document.path}:${block.line}'\n${replace(block.text)}`] : [];
	});
	return [options.independent === true ? "" : "set -e", ...early, ...steps].join("\n");
}

function asGlobal(pattern: string | RegExp): string | RegExp {
	return typeof pattern === "string" ? pattern : new RegExp(pattern, "g");
}

/** The path of a program of this machine. */
export function programPath(name: string): string | undefined {
	const folders = (process.env["PATH"] ?? "").split(":");
	return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}
