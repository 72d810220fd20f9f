import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { SealedFile, type SealedFileOptions } from "../../provider/shared/sealed-file.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

interface Opened {
	readonly file: SealedFile;
	readonly warnings: string[];
	/** The file again, as another process opens it. */
	again(overrides?: Partial<SealedFileOptions>): Opened;
}

function open(options: Omit<SealedFileOptions, "warn">): Opened {
	const warnings: string[] = [];
	const file = new SealedFile({ ...options, warn: (reason) => void warnings.push(reason) });
	return { file, warnings, again: (overrides = {}) => open({ ...options, ...overrides }) };
}

function setUp(t: ExecutionContext): Opened & { readonly path: string; readonly directory: string } {
	const directory = temporaryDirectory(t);
	const path = join(directory, "state");
	return { ...open({ path, key: randomBytes(32), purpose: "leases" }), path, directory };
}

async function save({ file }: Opened, content: unknown): Promise<void> {
	file.saveSoon(() => content);
	await file.flush();
}

test("what was saved is read by the next process, and shows nothing of itself", async (t) => {
	const opened = setUp(t);
	t.is(await opened.file.read(), undefined);
	for (const content of [{ secret: "marked-value" }, [], "ü", null]) {
		await save(opened, content);
		t.deepEqual(await opened.again().file.read(), content);
	}
	await save(opened, { secret: "marked-value" });
	const once = readFileSync(opened.path);
	t.false(once.includes("marked-value"));
	await save(opened, { secret: "marked-value" });
	t.notDeepEqual(readFileSync(opened.path), once, "each time under a nonce of its own");
	t.is(statSync(opened.path).mode & 0o777, 0o600);
	t.deepEqual(readdirSync(opened.directory), ["state"]);
	t.deepEqual(opened.warnings, []);
});

test("any damage, of any byte, makes the file as good as absent", async (t) => {
	const opened = setUp(t);
	await save(opened, { value: "v" });
	const sealed = readFileSync(opened.path);
	const damage = fc.oneof(
		fc.record({ kind: fc.constant("flip"), at: fc.nat(sealed.length - 1), bit: fc.nat(7) }),
		fc.record({ kind: fc.constant("cut"), at: fc.nat(sealed.length - 1), bit: fc.constant(0) }),
	);
	await fc.assert(
		fc.asyncProperty(damage, async ({ kind, at, bit }) => {
			const damaged = Buffer.from(kind === "cut" ? sealed.subarray(0, at) : sealed);
			if (kind === "flip") damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
			writeFileSync(opened.path, damaged);
			const { file, warnings } = opened.again();
			return (await file.read()) === undefined && warnings.length === 1;
		}),
		{ numRuns: 300 },
	);
	writeFileSync(opened.path, sealed);
	t.deepEqual(await opened.again().file.read(), { value: "v" });
});

test("another key and another purpose read nothing, and the next save makes it their file", async (t) => {
	const opened = setUp(t);
	for (const other of [opened.again({ key: randomBytes(32) }), opened.again({ purpose: "values" })]) {
		await save(opened, 1);
		t.is(await other.file.read(), undefined);
		t.deepEqual(other.warnings, ["it is damaged, or was sealed with another key"]);
		await save(other, 2);
		t.is(await other.file.read(), 2);
	}
});

test("a file that others may use, a link and a directory are not read", async (t) => {
	const opened = setUp(t);
	await save(opened, 1);
	for (const mode of [0o640, 0o604, 0o620, 0o602]) {
		chmodSync(opened.path, mode);
		const { file, warnings } = opened.again();
		t.is(await file.read(), undefined);
		t.deepEqual(warnings, ["others than its owner may use it"]);
	}
	chmodSync(opened.path, 0o600);
	renameSync(opened.path, `${opened.path}.away`);
	symlinkSync(`${opened.path}.away`, opened.path);
	mkdirSync(`${opened.path}.directory`, { mode: 0o700 });
	for (const path of [opened.path, `${opened.path}.directory`]) {
		const { file, warnings } = opened.again({ path });
		t.is(await file.read(), undefined);
		t.is(warnings.length, 1);
	}
	await save(opened, 2);
	t.is(await opened.again().file.read(), 2, "saving puts a file in the link's place");
	t.is(statSync(`${opened.path}.away`).size, statSync(opened.path).size);
});

test("many changes are saved once a second, with what is true at that moment", async (t) => {
	const { file, path, again } = setUp(t);
	const times: number[] = [];
	let made = 0;
	const change = () =>
		file.saveSoon(() => {
			times.push(performance.now());
			made += 1;
			return made;
		});
	change();
	await until(t, () => existsSync(path));
	t.is(made, 1);
	for (let count = 0; count < 100; count += 1) change();
	t.is(made, 1);
	await until(t, () => made === 2);
	t.true((times[1] ?? 0) - (times[0] ?? 0) > 900);
	change();
	await file.flush();
	t.is(await again().file.read(), 3);
	await file.flush();
	t.is(made, 3, "nothing waits any more");
});

test("what cannot be written is a warning, and is written with the next change", async (t) => {
	const opened = setUp(t);
	const path = join(opened.directory, "folder", "state");
	const { file, warnings } = opened.again({ path });
	file.saveSoon(() => 1);
	await file.flush();
	t.deepEqual(warnings, ["it cannot be written"]);
	mkdirSync(join(opened.directory, "folder"));
	writeFileSync(`${path}.new`, "left by a crash", { mode: 0o644 });
	file.saveSoon(() => 2);
	await file.flush();
	t.is(await file.read(), 2);
	t.is(statSync(path).mode & 0o777, 0o600);
});

async function until(t: ExecutionContext, condition: () => boolean): Promise<void> {
	const end = Date.now() + 10_000;
	while (!condition()) {
		if (Date.now() > end) return t.fail("the condition was not met in time");
		await new Promise((resolve) => setTimeout(resolve, 10));
	}
}
