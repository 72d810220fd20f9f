import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { runtimeVersion } from "../../provider/shared/runtime-version.ts";

const script = join(import.meta.dirname, "../../scripts/bundle.ts");
const directory = mkdtempSync(join(tmpdir(), "claviger-bundle-"));
const bundle = join(directory, "claviger.cjs");

test.before(() => {
	execFileSync(process.execPath, [script, "--directory", directory], { stdio: ["ignore", "ignore", "inherit"] });
});
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

/** Runs JavaScript before the bundle takes over in the same process. */
function runAfter(code: string, args: readonly string[]) {
	const first = join(directory, "first.cjs");
	writeFileSync(first, code);
	return spawnSync(process.execPath, ["--require", first, bundle, ...args], { encoding: "utf8", timeout: 30_000 });
}

test("the bundle is the program, and its version that of the package", (t) => {
	const manifest = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")) as { readonly version: string };
	t.is(manifest.version, runtimeVersion);
	const { stdout, stderr, status } = runAfter("", ["version"]);
	t.deepEqual([stdout, stderr, status], [`claviger ${manifest.version}\n`, "", 0]);
	t.is(runAfter("", ["mount"]).status, 2);
});

test("what a command does not need is not evaluated, though it is in the file", (t) => {
	// gRPC brings http2, node-vault brings https, the strongroom the database.
	const report = `process.on("exit", () => console.error(JSON.stringify(process.moduleLoadList)));`;
	const modules = (args: readonly string[]) =>
		JSON.parse(runAfter(report, args).stderr.trim().split("\n").at(-1) ?? "") as readonly string[];
	const ofVersion = modules(["version"]);
	for (const name of ["http2", "https", "sqlite"]) t.false(ofVersion.includes(`NativeModule ${name}`), name);
	const ofHelp = modules(["serve", "--help"]);
	t.true(ofHelp.includes("NativeModule http2"), "the provider speaks gRPC");
	t.false(ofHelp.includes("NativeModule sqlite"), "no store is loaded before it is asked");
});

test("the SDK of a store lies in a file of its own, which only that store reads", (t) => {
	const program = readFileSync(bundle, "utf8");
	const library = readFileSync(join(directory, "claviger-aws.cjs"), "utf8");
	t.regex(library, /BatchGetSecretValue/);
	t.false(program.includes("AWSKMS"), "no part of it is in the program");
	t.true(program.includes(`require("./claviger-aws.cjs")`));
});

test("a Node that is too old gets one line and no stack", (t) => {
	const pretend = (version: string) => `Object.defineProperty(process.versions, "node", { value: "${version}" });`;
	for (const version of ["18.20.4", "20.20.2", "22.17.9"]) {
		const { stderr, status } = runAfter(pretend(version), ["version"]);
		t.deepEqual([stderr, status], [`Claviger needs Node 22.18 or newer; this is ${version}.\n`, 1]);
	}
	t.is(runAfter(pretend("22.18.0"), ["version"]).status, 0);
});

test("the licences of everything in it lie beside it", (t) => {
	const licences = readFileSync(join(directory, "LICENSES.txt"), "utf8");
	for (const name of ["@grpc/grpc-js", "protobufjs", "yaml", "pino", "node-vault"]) {
		t.regex(licences, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+, \\S+`, "m"));
	}
	t.notRegex(licences, /^axios /m, "its place is taken by a stand-in");
});
