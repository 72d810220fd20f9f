import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Part, root } from "./part.ts";

const protos = ["service.proto", "health.proto"].map((name) => join(root, "protos", name));
const target = "provider/contract/generated";
const header = "// Made from protos/ by scripts/generate.ts. Do not edit.\n";

// Encoding and decoding only: nothing here needs reflection, JSON conversion or service stubs.
const shape = ["-t", "static-module", "-w", "esm", "-r", "claviger"];
const omissions = ["--no-typeurl", "--no-create", "--no-verify", "--no-convert", "--no-delimited", "--no-service"];

/** The protobuf codec and its types, from protos/. */
export const codec: Part = { name: "codec", make };

/** The types are made from the comments of the code, so the code is made twice: with comments for them, without for use. */
async function make(): Promise<ReadonlyMap<string, string>> {
	const directory = mkdtempSync(join(tmpdir(), "claviger-generate-"));
	try {
		const commented = join(directory, "commented.js");
		const plain = join(directory, "plain.js");
		pbjs([...shape, ...omissions, "--dts", "-o", commented, ...protos]);
		pbjs([...shape, ...omissions, "--no-comments", "-o", plain, ...protos]);
		return new Map([
			[`${target}/codec.js`, header + tidyCode(readFileSync(plain, "utf8"))],
			[`${target}/codec.d.ts`, header + tidyTypes(readFileSync(join(directory, "commented.d.ts"), "utf8"))],
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
