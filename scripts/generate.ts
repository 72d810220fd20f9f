// Makes provider/contract/generated from protos/: the protobuf codec and its types.
// `node scripts/generate.ts` writes them; with `--check` it compares and fails when they are stale.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const protos = ["service.proto", "health.proto"].map((name) => join(root, "protos", name));
const target = join(root, "provider/contract/generated");
const header = "// Made from protos/ by scripts/generate.ts. Do not edit.\n";

// Encoding and decoding only: nothing here needs reflection, JSON conversion or service stubs.
const shape = ["-t", "static-module", "-w", "esm", "-r", "claviger"];
const omissions = ["--no-typeurl", "--no-create", "--no-verify", "--no-convert", "--no-delimited", "--no-service"];

function main(): void {
	const files = generate();
	if (process.argv.includes("--check")) {
		check(files);
		return;
	}
	mkdirSync(target, { recursive: true });
	for (const [name, text] of files) writeFileSync(join(target, name), text);
	console.log(`Wrote ${[...files.keys()].join(", ")} to provider/contract/generated.`);
}

function check(files: ReadonlyMap<string, string>): void {
	const stale = [...files].filter(([name, text]) => read(join(target, name)) !== text).map(([name]) => name);
	if (stale.length === 0) {
		console.log("The generated codec is fresh.");
		return;
	}
	console.error(`Stale in provider/contract/generated: ${stale.join(", ")}. Run \`npm run generate\`.`);
	process.exitCode = 1;
}

/** The types are made from the comments of the code, so the code is made twice: with comments for them, without for use. */
function generate(): ReadonlyMap<string, string> {
	const directory = mkdtempSync(join(tmpdir(), "claviger-generate-"));
	try {
		const commented = join(directory, "commented.js");
		const plain = join(directory, "plain.js");
		pbjs([...shape, ...omissions, "--dts", "-o", commented, ...protos]);
		pbjs([...shape, ...omissions, "--no-comments", "-o", plain, ...protos]);
		return new Map([
			["codec.js", header + tidyCode(readFileSync(plain, "utf8"))],
			["codec.d.ts", header + tidyTypes(readFileSync(join(directory, "commented.d.ts"), "utf8"))],
		]);
	} finally {
		rmSync(directory, { recursive: true, force: true });
	}
}

function pbjs(options: readonly string[]): void {
	const command = createRequire(import.meta.url).resolve("protobufjs-cli/bin/pbjs");
	execFileSync(process.execPath, [command, ...options], { stdio: ["ignore", "inherit", "inherit"] });
}

/** Drops the switches for a linter that is not used here. */
function tidyCode(text: string): string {
	return text.replace(/^\/\*eslint-disable.*\*\/\n/, "");
}

/** Drops the import of a package for 64-bit numbers, of which the contract has none. */
function tidyTypes(text: string): string {
	return text.replace(/^import Long = require\("long"\);\n/m, "");
}

function read(path: string): string | undefined {
	try {
		return readFileSync(path, "utf8");
	} catch {
		return undefined;
	}
}

main();
