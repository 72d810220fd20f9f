import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import fc from "fast-check";
import type { AnsweredFile } from "../../provider/cli/mount/answer.ts";
import { writeAtomically } from "../../provider/cli/mount/atomic-writer.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

type Payload = Readonly<Record<string, string>>;

function files(payload: Payload, mode = 0o644): ReadonlyMap<string, AnsweredFile> {
	return new Map(Object.entries(payload).map(([path, text]) => [path, { path, mode, contents: Buffer.from(text) }]));
}

function write(volume: string, payload: Payload, mode?: number): Record<string, string> {
	return Object.fromEntries(writeAtomically(volume, files(payload, mode)));
}

/** What a reader of the volume sees: every file by the names that do not start with two dots. */
function contents(volume: string): Payload {
	const seen: Record<string, string> = {};
	const walk = (path: string): void => {
		for (const name of readdirSync(join(volume, path))) {
			const inner = path === "" ? name : `${path}/${name}`;
			if (inner.startsWith("..")) continue;
			if (statSync(join(volume, inner)).isDirectory()) walk(inner);
			else seen[inner] = readFileSync(join(volume, inner), "utf8");
		}
	};
	walk("");
	return seen;
}

test("lays files out behind one link, each first path element linked into it", (t) => {
	const volume = temporaryDirectory(t);
	t.deepEqual(write(volume, { password: "one", "db/user": "u", "db/host/name": "h" }), {
		password: "new",
		"db/user": "new",
		"db/host/name": "new",
	});
	const data = readlinkSync(join(volume, "..data"));
	t.regex(data, /^\.\.\d{4}(_\d\d){5}\.\d+$/);
	t.deepEqual(readdirSync(volume).sort(), ["..data", data, "db", "password"].sort());
	t.is(readlinkSync(join(volume, "db")), "..data/db");
	t.is(readlinkSync(join(volume, "password")), "..data/password");
	t.deepEqual(contents(volume), { password: "one", "db/user": "u", "db/host/name": "h" });
	t.is(statSync(join(volume, data)).mode & 0o777, 0o755);
});

test("equal contents write nothing and move no time", (t) => {
	const volume = temporaryDirectory(t);
	write(volume, { a: "1", "b/c": "2" });
	utimesSync(volume, 1, 1);
	const data = readlinkSync(join(volume, "..data"));
	t.deepEqual(write(volume, { a: "1", "b/c": "2" }), { a: "same", "b/c": "same" });
	t.is(statSync(volume).mtimeMs, 1000);
	t.is(readlinkSync(join(volume, "..data")), data);
});

test("a change puts all files into a new directory and removes the old one", (t) => {
	const volume = temporaryDirectory(t);
	write(volume, { a: "1", b: "2" });
	const old = readlinkSync(join(volume, "..data"));
	t.deepEqual(write(volume, { a: "1", b: "3", c: "4" }), { a: "same", b: "changed", c: "new" });
	t.not(readlinkSync(join(volume, "..data")), old);
	t.false(readdirSync(volume).includes(old));
	t.deepEqual(contents(volume), { a: "1", b: "3", c: "4" });
});

test("a file that is missing in the answer is removed, and its link when nothing else needs it", (t) => {
	const volume = temporaryDirectory(t);
	write(volume, { a: "1", "d/x": "2", "d/y": "3", "e/z": "4" });
	t.deepEqual(write(volume, { a: "1", "d/x": "2" }), { a: "same", "d/x": "same", "d/y": "removed", "e/z": "removed" });
	t.deepEqual(contents(volume), { a: "1", "d/x": "2" });
	t.is(lstatSync(join(volume, "e"), { throwIfNoEntry: false }), undefined);
	t.true(lstatSync(join(volume, "d")).isSymbolicLink());
});

test("modes lose everything but the nine permission bits, and no umask takes from them", (t) => {
	for (const [mode, onDisk] of [
		[0o400, 0o400],
		[0o666, 0o666],
		[0o6777, 0o777],
		[0, 0],
	] as const) {
		const volume = temporaryDirectory(t);
		write(volume, { a: "1" }, mode);
		t.is(statSync(join(volume, "a")).mode & 0o7777, onDisk, mode.toString(8));
	}
});

test("a change of the mode alone waits for a change of contents", (t) => {
	const volume = temporaryDirectory(t);
	write(volume, { a: "1", b: "2" }, 0o644);
	write(volume, { a: "1", b: "2" }, 0o600);
	t.is(statSync(join(volume, "a")).mode & 0o777, 0o644);
	write(volume, { a: "1", b: "3" }, 0o600);
	t.is(statSync(join(volume, "a")).mode & 0o777, 0o600);
});

test("a plain file in the place of a link is removed", (t) => {
	const volume = temporaryDirectory(t);
	writeFileSync(join(volume, "a"), "left over");
	mkdirSync(join(volume, "d", "inner"), { recursive: true });
	write(volume, { a: "1", "d/x": "2" });
	t.deepEqual(contents(volume), { a: "1", "d/x": "2" });
});

test("a left-over temporary link stops every change, and the files stay as they were", (t) => {
	const volume = temporaryDirectory(t);
	write(volume, { a: "1" });
	symlinkSync("..elsewhere", join(volume, "..data_tmp"));
	t.deepEqual(write(volume, { a: "1" }), { a: "same" });
	const before = readdirSync(volume);
	t.throws(() => write(volume, { a: "2" }), { code: "EEXIST" });
	t.deepEqual(contents(volume), { a: "1" });
	t.deepEqual(readdirSync(volume), before, "no copy of the refused contents stays");
});

test("a file where another needs a directory fails and leaves no copy behind", (t) => {
	const volume = temporaryDirectory(t);
	write(volume, { a: "1" });
	const before = readdirSync(volume);
	t.throws(() => write(volume, { c: "secret", "c/d": "secret" }));
	t.deepEqual(readdirSync(volume), before);
	t.deepEqual(contents(volume), { a: "1" });
});

test("a data link that leads out of the volume is refused", (t) => {
	const volume = temporaryDirectory(t);
	symlinkSync("../outside", join(volume, "..data"));
	t.throws(() => write(volume, { a: "1" }), { message: /out of the volume/ });
});

test("after any sequence of answers the volume shows exactly the last one", (t) => {
	// Paths whose first segments never serve as both file and directory.
	const path = fc.constantFrom("a", "b", "ü", "d/x", "d/y", "e/f/g", "e/f/h");
	const payload = fc.dictionary(path, fc.string({ maxLength: 3 }), { minKeys: 1 });
	fc.assert(
		fc.property(fc.array(payload, { minLength: 1, maxLength: 5 }), (payloads) => {
			const volume = temporaryDirectory(t);
			let before: Payload = {};
			for (const next of payloads) {
				const changes = write(volume, next);
				t.deepEqual({ ...contents(volume) }, { ...next });
				for (const name of Object.keys({ ...before, ...next })) t.is(changes[name], expectedChange(before[name], next[name]));
				before = next;
			}
			const hidden = readdirSync(volume).filter((name) => name.startsWith(".."));
			t.is(hidden.length, 2, "one link, one directory");
		}),
		{ numRuns: 60 },
	);
});

function expectedChange(before: string | undefined, after: string | undefined): string {
	if (after === undefined) return "removed";
	if (before === undefined) return "new";
	return before === after ? "same" : "changed";
}
