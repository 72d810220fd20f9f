import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const script = join(import.meta.dirname, "../../scripts/demo");

test("the demo shows what it says, in plain text where there is no terminal, and leaves nothing behind", (t) => {
	const directory = temporaryDirectory(t);
	const env = { ...process.env, TMPDIR: directory };
	const { stdout, stderr, status } = spawnSync(script, { cwd: directory, env, encoding: "utf8", timeout: 120_000 });
	t.is(status, 0, `${stdout}${stderr}`);
	const steps = [...stdout.matchAll(/^(\d+)\. /gm)].map(([, number]) => number);
	t.deepEqual(
		steps,
		Array.from({ length: 10 }, (_, index) => `${index + 1}`),
	);
	for (const shown of ["made-up-1", "made-up-2", "made-up-3", "PERMISSION_DENIED", ".revoked", "UNAUTHENTICATED", "All of it came true."]) {
		t.true(stdout.includes(shown), shown);
	}
	t.false(stdout.includes("\u001b"));
	const [, name = ""] = /\/(claviger-demo\.\w+)\/strongroom/.exec(stdout) ?? [];
	t.not(name, "");
	t.false(existsSync(join("/dev/shm", name)));
	t.deepEqual(readdirSync(directory), []);
});
