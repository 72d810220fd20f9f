import { chmodSync, cpSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import test from "ava";
import { ProviderError } from "../../provider/errors.ts";
import { createStrongroom } from "../../provider/strongroom/create.ts";
import { type Location, locate } from "../../provider/strongroom/location.ts";
import { OpenStore } from "../../provider/strongroom/open-store.ts";
import { rotateKeys } from "../../provider/strongroom/rotate.ts";
import { putMember } from "../../provider/strongroom/write.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { command, connectedReader, inShop, makeStrongroom, openStore, put, read, summary, web } from "./support.ts";

const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

test("init makes everything for the owner alone, whatever the umask, and never twice", async (t) => {
	const location = locate({ directory: join(temporaryDirectory(t), "a", "strongroom") }, {});
	const first = await command(location, ["init"]);
	t.is(first.code, 0, first.stderr);
	t.is(modeOf(location.directory), "700");
	t.is(modeOf(location.database), "600");
	t.is(modeOf(location.keyFile), "600");
	const key = readFileSync(location.keyFile);
	t.is(key.length, 32);
	const store = await openStore(t, location);
	await put(store, "db", "value");
	t.is(modeOf(`${location.database}-wal`), "600");
	const second = await command(location, ["init"]);
	t.is(second.code, 1);
	t.regex(second.stderr, /There is a strongroom in .* already\. Use it, or choose another --directory\./);
	rmSync(location.keyFile);
	t.is((await command(location, ["init"])).code, 1);
	t.false(existsSync(location.keyFile), "a refused init must not leave a key that opens nothing");
});

test("an init that was interrupted before the database was complete is completed by the next, with the same key", async (t) => {
	const location = locate({ directory: join(temporaryDirectory(t), "strongroom") }, {});
	await createStrongroom(location, "tester");
	const key = readFileSync(location.keyFile);
	writeFileSync(location.database, "", { mode: 0o600 });
	t.regex((await command(location, ["list"])).stderr, /was never completed/);
	const again = await command(location, ["init"]);
	t.is(again.code, 0, again.stderr);
	t.deepEqual(readFileSync(location.keyFile), key);
	t.is((await command(location, ["put", "db"], "value")).code, 0);
});

test("two key files are needed together, in their order", async (t) => {
	const directory = join(temporaryDirectory(t), "strongroom");
	const keyFile2 = join(temporaryDirectory(t), "second.key");
	const location = locate({ directory, keyFile2 }, {});
	await createStrongroom(location, "tester");
	const store = await openStore(t, location);
	await put(store, "db", "value");
	await command(location, ["bind", "db", "--namespace", "shop", "--service-account", "web", "--key-file2", keyFile2]);
	t.is(summary(await read(location, "db")), "value");
	const { keyFile2: _, ...oneOnly } = location;
	for (const wrong of [oneOnly, { ...oneOnly, keyFile: keyFile2, keyFile2: location.keyFile }]) {
		const error = await t.throwsAsync(read(wrong, "db"), { instanceOf: ProviderError });
		t.is(error?.code, "unreachable");
	}
});

const openingFaults: readonly {
	readonly name: string;
	readonly spoil: (location: Location) => void;
	readonly expected: RegExp;
}[] = [
	{
		name: "another key",
		spoil: ({ keyFile }) => writeFileSync(keyFile, Buffer.alloc(32, 7)),
		expected: /is not the key it was sealed with/,
	},
	{
		name: "a key of another length",
		spoil: ({ keyFile }) => writeFileSync(keyFile, "short"),
		expected: /does not hold exactly 32 bytes/,
	},
	{ name: "no key", spoil: ({ keyFile }) => rmSync(keyFile), expected: /unseal\.key cannot be reached \(ENOENT\)/ },
	{
		name: "a key that others may read",
		spoil: ({ keyFile }) => chmodSync(keyFile, 0o644),
		expected: /unseal\.key is open to others/,
	},
	{
		name: "a directory that others may enter",
		spoil: ({ directory }) => chmodSync(directory, 0o711),
		expected: /strongroom is open to others/,
	},
	{
		name: "a database that others may read",
		spoil: ({ database }) => chmodSync(database, 0o640),
		expected: /strongroom\.db is open to others/,
	},
	{
		name: "no database",
		spoil: ({ database }) => rmSync(database),
		expected: /strongroom\.db cannot be reached \(ENOENT\)/,
	},
	{
		name: "a database that is none",
		spoil: ({ database }) => writeFileSync(database, "x".repeat(8192)),
		expected: /is not a database, or is damaged/,
	},
	{
		name: "a damaged known answer",
		spoil: changed("UPDATE store SET known_answer = zeroblob(60)"),
		expected: /database is damaged: the known answer/,
	},
	{
		name: "another store's id",
		spoil: changed("UPDATE store SET store_id = 'x'"),
		expected: /database is damaged: the known answer/,
	},
	{
		name: "a damaged key generation",
		spoil: changed("UPDATE keks SET sealed = zeroblob(60)"),
		expected: /key generation 1 failed authentication/,
	},
	{ name: "no store row", spoil: changed("DELETE FROM store"), expected: /own row is missing/ },
	{
		name: "a newer layout",
		spoil: changed("PRAGMA user_version = 9"),
		expected: /has layout 9; this program reads 1/,
	},
];

function changed(sql: string): (location: Location) => void {
	return ({ database }) => {
		const connection = new DatabaseSync(database);
		connection.exec(sql);
		connection.close();
	};
}

for (const { name, spoil, expected } of openingFaults) {
	test(`a strongroom stays closed, for both sides, and says why: ${name}`, async (t) => {
		const location = await makeStrongroom(t);
		spoil(location);
		const error = await t.throwsAsync(read(location, "db"), { instanceOf: ProviderError, message: expected });
		t.is(error?.code, "unreachable", "a closed store takes nothing away from pods");
		const written = await command(location, ["put", "db"], "value");
		t.is(written.code, 1);
		t.regex(written.stderr, expected);
	});
}

test("a reader that failed to open tries again at the next read", async (t) => {
	const location = await makeStrongroom(t);
	await put(await openStore(t, location), "db", "value");
	const key = readFileSync(location.keyFile);
	writeFileSync(location.keyFile, Buffer.alloc(32));
	const reader = connectedReader(location);
	await t.throwsAsync(reader("db"), { message: /is not the key/ });
	writeFileSync(location.keyFile, key);
	t.is(summary(await reader("db")), "value");
});

test("rotation leaves every version readable, by a reader that is open and by a writer that is, and destroys the old key", async (t) => {
	const location = await makeStrongroom(t);
	const writer = await openStore(t, location);
	for (const version of [1, 2, 3]) await put(writer, "db", `value-${version}`);
	await put(writer, "document", '{"a":"1","b":"2"}');
	const reader = connectedReader(location);
	t.is(summary(await reader("db")), "value-3");
	const before = sealedOf(location);
	const rotated = await command(location, ["rotate"]);
	t.is(rotated.code, 0, rotated.stderr);
	t.regex(rotated.stdout, /key generation 2 is active, 6 keys sealed anew/);
	for (const version of ["1", "2", "3"]) t.is(summary(await reader("db", web, { version })), `value-${version}`);
	t.deepEqual(sealedOf(location), before, "values are not touched");
	t.deepEqual(select(location, "SELECT generation, state FROM keks"), [{ generation: 2, state: "active" }]);
	await putMember(writer, inShop("document"), "b", Buffer.from("3"), { actor: "tester" });
	t.is(summary(await reader("document")), '{"a":"1","b":"3"}');
});

test("an interrupted rotation resumes: all is readable meanwhile, and no second one begins", async (t) => {
	const location = await makeStrongroom(t);
	const store = await openStore(t, location);
	for (let index = 0; index < 7; index += 1) await put(store, `secret-${index}`, `value-${index}`);
	const stop = new Error("the process ends here");
	const interrupted = rotateKeys(store, {
		actor: "tester",
		batchSize: 2,
		onProgress: (done) => {
			if (done === 4) throw stop;
		},
	});
	t.is(await t.throwsAsync(interrupted), stop);
	t.deepEqual(select(location, "SELECT kek, COUNT(*) AS parts FROM parts GROUP BY kek"), [
		{ kek: 1, parts: 3 },
		{ kek: 2, parts: 4 },
	]);
	for (let index = 0; index < 7; index += 1) t.is(summary(await read(location, `secret-${index}`)), `value-${index}`);
	await put(store, "secret-0", "written meanwhile");
	const progress: string[] = [];
	const resumed = await rotateKeys(store, {
		actor: "tester",
		batchSize: 2,
		onProgress: (done, total) => progress.push(`${done}/${total}`),
	});
	t.deepEqual(resumed, { generation: 2, resumed: true, rewrapped: 3, retired: true, damaged: [] });
	t.deepEqual(progress, ["2/3", "3/3"]);
	t.deepEqual(select(location, "SELECT generation FROM keks"), [{ generation: 2 }]);
	t.is(summary(await read(location, "secret-0")), "written meanwhile");
	t.is((await rotateKeys(store, { actor: "tester" })).generation, 3);
});

test("a rotation with another key than the store's begins nothing", async (t) => {
	const location = await makeStrongroom(t);
	const store = await OpenStore.open(location, { access: "write", busyTimeout: 1000 });
	t.teardown(() => store.close());
	writeFileSync(location.keyFile, Buffer.alloc(32, 1));
	await t.throwsAsync(rotateKeys(store, { actor: "tester" }), { message: /is not the key/ });
	t.deepEqual(select(location, "SELECT generation, state FROM keks"), [{ generation: 1, state: "active" }]);
});

test("a key that has sealed as much as it may seals no more until it is rotated", async (t) => {
	const location = await makeStrongroom(t);
	changed(`UPDATE keks SET wraps = ${2 ** 28 - 1}`)(location);
	t.is((await command(location, ["put", "db"], "last")).code, 0);
	const refused = await command(location, ["put", "db"], "too many");
	t.regex(refused.stderr, /has sealed as much as it may\. Run: claviger strongroom rotate/);
	t.is((await command(location, ["rotate"])).code, 0);
	t.is((await command(location, ["put", "db"], "again")).code, 0);
});

test("a destroyed version's key is nowhere in the files, and the value cannot be put back from a part of an old copy", async (t) => {
	const location = await makeStrongroom(t);
	const store = await openStore(t, location);
	await put(store, "db", "first");
	const [row] = select(location, "SELECT wrapped_key AS key FROM parts");
	const key = Buffer.from(row?.["key"] instanceof Uint8Array ? row["key"] : []);
	t.is(key.length, 60);
	const copy = `${location.directory}.copy`;
	cpSync(location.directory, copy, { recursive: true });
	t.true(filesHold(copy, key), "the search finds what is there");
	t.is((await command(location, ["delete", "db", "--namespace", "shop", "--version", "1"])).code, 0);
	t.false(filesHold(location.directory, key));
	t.is(summary(await read(location, "db")), "<absent>");
});

function filesHold(directory: string, bytes: Buffer): boolean {
	const files = ["strongroom.db", "strongroom.db-wal", "strongroom.db-shm"].map((name) => join(directory, name));
	return files.some((file) => existsSync(file) && readFileSync(file).includes(bytes));
}

function select(location: Location, sql: string): readonly Record<string, unknown>[] {
	const database = new DatabaseSync(location.database);
	try {
		return database
			.prepare(sql)
			.all()
			.map((row) => ({ ...row }));
	} finally {
		database.close();
	}
}

function sealedOf(location: Location): readonly unknown[] {
	return select(location, "SELECT id, sealed FROM parts ORDER BY id");
}
