import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { runtimeVersion } from "../../provider/shared/runtime-version.ts";
import { bundle, entry } from "../../scripts/bundle.ts";

const root = join(import.meta.dirname, "../..");
const contents = join(root, "scripts/image-contents");
const directory = mkdtempSync(join(tmpdir(), "claviger-start-"));
const start = join(directory, "start.cjs");
const code = join(directory, "claviger.code");
const imageFlags = entryPoint().slice(1, -1);

test.before(async () => {
	await bundle(entry, join(directory, "claviger.cjs"));
	copyFileSync(join(contents, "start.cjs"), start);
	compile();
});
test.after.always(() => rmSync(directory, { recursive: true, force: true }));

/** The words that the Dockerfile starts the image with. */
function entryPoint(): readonly string[] {
	const [, words = "[]"] = /^ENTRYPOINT (\[.*\])$/m.exec(readFileSync(join(root, "Dockerfile"), "utf8")) ?? [];
	const parsed: unknown = JSON.parse(words);
	return Array.isArray(parsed) ? parsed.map(String) : [];
}

/** Makes the compiled code as the image's build does. */
function compile(): void {
	const parameters = ["--random-seed=1", ...imageFlags, join(contents, "compile.cjs"), directory, "serve", "--help"];
	execFileSync(process.execPath, parameters, { stdio: ["ignore", "ignore", "inherit"] });
}

/** Whether V8 refuses the compiled code under flags of Node. */
function refuses(flags: readonly string[]): string {
	const question = `const { load, compiled } = require(${JSON.stringify(start)});
		console.log(load(require("node:fs").readFileSync(compiled)).script.cachedDataRejected);`;
	return execFileSync(process.execPath, [...flags, "--eval", question], { encoding: "utf8" }).trim();
}

function version() {
	const { stdout, stderr, status } = spawnSync(process.execPath, [...imageFlags, start, "version"], { encoding: "utf8" });
	return [stdout, stderr, status];
}

test("the image is made from nothing, and runs as a user without rights", (t) => {
	const [, lastStage = ""] = readFileSync(join(root, "Dockerfile"), "utf8").split(/^(?=FROM scratch$)/m);
	t.regex(lastStage, /^USER 65532:65532$/m);
	t.false(/^(?:RUN|ADD)\b/m.test(lastStage), "it holds what the build stage lays out, and nothing else");
	t.is(lastStage.match(/^FROM\b/gm)?.length, 1);
});

test.serial("the image starts the program from its compiled code", (t) => {
	t.is(entryPoint().at(-1), "/usr/share/claviger/start.cjs");
	t.true(imageFlags.includes("--disable-sigusr1"));
	t.is(refuses(imageFlags), "false");
	t.is(refuses(["--max-old-space-size=96"]), "false", "more memory does not cost the compiled code");
	t.true(readFileSync(code).length > 300_000, "it holds what serving needs, and not the outermost functions alone");
	t.deepEqual(version(), [`claviger ${runtimeVersion}\n`, "", 0]);
});

test.serial("a command beside the provider has a bounded heap, and the compiled code fits it", (t) => {
	const [, node, flag = ""] = /^#!(\S+) (.*)$/m.exec(readFileSync(start, "utf8")) ?? [];
	t.is(node, entryPoint()[0]);
	t.false(flag.includes(" "), "Linux gives a script's program one word");
	t.is(refuses([flag]), "false");
	const question = "console.log(require('node:v8').getHeapStatistics().heap_size_limit)";
	const limit = Number(execFileSync(process.execPath, [flag, "--eval", question], { encoding: "utf8" }));
	t.true(limit <= 64 << 20, `${limit} bytes`);
});

test.serial("the same bundle compiles to the same bytes", (t) => {
	const before = readFileSync(code);
	for (let repeat = 0; repeat < 3; repeat++) {
		compile();
		t.true(before.equals(readFileSync(code)));
	}
});

test.serial("compiled code that does not fit is passed over", (t) => {
	const good = readFileSync(code);
	writeFileSync(code, Buffer.alloc(good.length, 7));
	t.is(refuses(imageFlags), "true");
	t.deepEqual(version(), [`claviger ${runtimeVersion}\n`, "", 0]);
	writeFileSync(code, good);
});
