import { spawnSync } from "node:child_process";
import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { hadolint, shellcheck } from "./linters.ts";

const root = join(import.meta.dirname, "../..");
const notOurs = new Set(["node_modules", ".git", "dist"]);

/** Every file whose first line names a shell, from the top of the checkout. */
function shellScripts(folder = ""): readonly string[] {
	return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
		const path = join(folder, entry.name);
		if (entry.isDirectory()) return notOurs.has(entry.name) ? [] : shellScripts(path);
		return entry.isFile() && /^#!.*\b(?:ba|da)?sh\b/.test(firstBytes(join(root, path))) ? [path] : [];
	});
}

function firstBytes(file: string): string {
	const descriptor = openSync(file, "r");
	try {
		const bytes = Buffer.alloc(64);
		return bytes.toString("latin1", 0, readSync(descriptor, bytes)).split("\n", 1)[0] ?? "";
	} finally {
		closeSync(descriptor);
	}
}

/** What a linter says of files: "" when it has nothing to say. */
function complaints(linter: string, parameters: readonly string[], input?: string): string {
	const { stdout, stderr, error } = spawnSync(linter, parameters, {
		cwd: root,
		encoding: "utf8",
		...(input === undefined ? {} : { input }),
	});
	if (error !== undefined) throw error;
	return `${stdout}${stderr}`;
}

test("shellcheck has nothing to say of any shell script", (t) => {
	const scripts = shellScripts();
	for (const known of [".ci/run", "scripts/demo", "scripts/image", "scripts/image-contents/root-filesystem", "scripts/test"]) {
		t.true(scripts.includes(known), known);
	}
	const program = shellcheck();
	t.is(complaints(program, ["--color=never", ...scripts]), "");
	t.regex(complaints(program, ["--color=never", "-"], "#!/bin/bash\nrm $1\n"), /SC2086/);
});

test("hadolint has nothing to say of the Dockerfile", (t) => {
	const program = hadolint();
	t.is(complaints(program, ["--no-color", "Dockerfile"]), "");
	t.regex(complaints(program, ["--no-color", "-"], "FROM debian\nRUN apt-get install curl\n"), /DL3006/);
});
