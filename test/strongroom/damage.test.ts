import { chmodSync, cpSync, readFileSync, renameSync, truncateSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { ProviderError } from "../../provider/errors.ts";
import type { Location } from "../../provider/strongroom/location.ts";
import { putMember } from "../../provider/strongroom/write.ts";
import { command, connectedReader, inShop, makeStrongroom, openStore, put, read, summary } from "./support.ts";

const api = { namespace: "shop", serviceAccount: "api" };

/** A closed strongroom with two secrets of three versions each, documents, and a neighbour that must survive everything. */
async function filled(t: ExecutionContext): Promise<Location> {
	const location = await makeStrongroom(t);
	const store = await openStore(t, location);
	for (const name of ["first", "second"]) for (const version of [1, 2, 3]) await put(store, name, `${name}-${version}`);
	await put(store, "document", '{"user":"u","password":"p","host":"h"}');
	await put(store, "login", '{"password":"old"}');
	await putMember(store, inShop("login"), "password", Buffer.from("new"), { actor: "tester" });
	await put(store, "neighbour", "unharmed");
	await store.close();
	return location;
}

/** Changes the database behind the program's back. */
function tamper(location: Location, sql: string): void {
	const database = new DatabaseSync(location.database);
	try {
		database.exec(`PRAGMA foreign_keys = OFF; ${sql}`);
	} finally {
		database.close();
	}
}

const idOf = (name: string) => `(SELECT id FROM secrets WHERE name = '${name}')`;
const currentPart = (name: string) => `secret = ${idOf(name)} AND version = 3`;
const takenFrom = (column: string, where: string) => `${column} = (SELECT ${column} FROM parts WHERE ${where})`;
const secondPart = currentPart("second");

const tamperings: readonly { readonly name: string; readonly sql: string; readonly victim?: string }[] = [
	{ name: "the value of another secret", sql: `UPDATE parts SET ${takenFrom("sealed", secondPart)} WHERE ${currentPart("first")}` },
	{
		name: "value and key of another secret",
		sql: `UPDATE parts SET ${takenFrom("sealed", secondPart)}, ${takenFrom("wrapped_key", secondPart)} WHERE ${currentPart("first")}`,
	},
	{
		name: "value and key of an older version",
		sql: `UPDATE parts SET ${takenFrom("sealed", `secret = ${idOf("first")} AND version = 1`)},
			${takenFrom("wrapped_key", `secret = ${idOf("first")} AND version = 1`)} WHERE ${currentPart("first")}`,
	},
	{ name: "an older version as the current one", sql: "UPDATE secrets SET current = 1 WHERE name = 'first'" },
	{ name: "a deleted secret that is not", sql: "UPDATE secrets SET state = 'deleted' WHERE name = 'first'" },
	{
		name: "an exchange of two secrets' names",
		sql: "UPDATE secrets SET name = 'x' WHERE name = 'first'; UPDATE secrets SET name = 'first' WHERE name = 'second'",
	},
	{ name: "a missing current version", sql: `DELETE FROM versions WHERE secret = ${idOf("first")} AND version = 3` },
	{ name: "missing parts", sql: `DELETE FROM parts WHERE secret = ${idOf("first")}` },
	{ name: "a truncated value", sql: `UPDATE parts SET sealed = substr(sealed, 1, 20) WHERE ${currentPart("first")}` },
	{ name: "an empty key", sql: `UPDATE parts SET wrapped_key = x'' WHERE ${currentPart("first")}` },
	{ name: "another content type", sql: `UPDATE versions SET content = 'json' WHERE secret = ${idOf("first")}` },
	{ name: "a content type that does not exist", sql: `UPDATE versions SET content = 'x' WHERE secret = ${idOf("first")}` },
	{ name: "a key generation that does not exist", sql: `UPDATE parts SET kek = 77 WHERE secret = ${idOf("first")}` },
	{ name: "another origin", sql: `UPDATE parts SET origin = 2 WHERE ${currentPart("first")}` },
	{ name: "a document without one of its members", sql: "DELETE FROM parts WHERE member = 'user'", victim: "document" },
	{
		name: "a document with two values exchanged",
		sql: `UPDATE parts SET sealed = CASE member
			WHEN 'user' THEN (SELECT sealed FROM parts WHERE member = 'host') ELSE (SELECT sealed FROM parts WHERE member = 'user') END,
			wrapped_key = CASE member
			WHEN 'user' THEN (SELECT wrapped_key FROM parts WHERE member = 'host') ELSE (SELECT wrapped_key FROM parts WHERE member = 'user') END
			WHERE member IN ('user', 'host')`,
		victim: "document",
	},
	{ name: "a document with a renamed member", sql: "UPDATE parts SET member = 'x' WHERE member = 'user'", victim: "document" },
	{
		name: "a document with a member of its older version",
		sql: `UPDATE parts SET (origin, wrapped_key, sealed) =
			(SELECT origin, wrapped_key, sealed FROM parts WHERE secret = ${idOf("login")} AND version = 1 AND ordinal = 1)
			WHERE secret = ${idOf("login")} AND version = 2 AND ordinal = 1`,
		victim: "login",
	},
	{
		name: "a document taken for a whole value",
		sql: `UPDATE versions SET layout = 'whole' WHERE secret = ${idOf("document")}`,
		victim: "document",
	},
];

for (const { name, sql, victim = "first" } of tamperings) {
	test(`a changed database fails closed, names the entry and spares the others: ${name}`, async (t) => {
		const location = await filled(t);
		tamper(location, sql);
		const error = await t.throwsAsync(read(location, victim), { instanceOf: ProviderError });
		t.is(error?.code, "unreachable");
		t.regex(error?.message ?? "", new RegExp(`${victim} \\(namespace shop\\) failed authentication`));
		t.is(summary(await read(location, "neighbour")), "unharmed");
	});
}

test("a damaged secret can be deleted and put anew, and rotation names it", async (t) => {
	const location = await filled(t);
	tamper(
		location,
		"UPDATE secrets SET current = 1 WHERE name = 'first'; UPDATE parts SET wrapped_key = zeroblob(60) WHERE secret = 2 AND version = 3",
	);
	const refused = await command(location, ["put", "first", "--namespace", "shop"], "new");
	t.is(refused.code, 1);
	t.regex(refused.stderr, /failed authentication.*delete this secret and put it anew/);
	const rotated = await command(location, ["rotate"]);
	t.is(rotated.code, 1);
	t.regex(rotated.stderr, /old key generation is kept.*second \(namespace shop\)/);
	for (const name of ["first", "second"]) t.is((await command(location, ["delete", name, "--namespace", "shop"])).code, 0);
	t.is((await command(location, ["put", "first", "--namespace", "shop"], "new")).code, 0);
	t.is(summary(await read(location, "first")), "new");
	const resumed = await command(location, ["rotate"]);
	t.is(resumed.code, 0, resumed.stderr);
	t.regex(resumed.stdout, /Resumed/);
	t.is(summary(await read(location, "neighbour")), "unharmed");
});

test("a binding written into the database by other means has no effect, and takes nothing away from others", async (t) => {
	const location = await filled(t);
	const columns = "pod_namespace, service_account, namespace, pattern, expires, created, actor, seal";
	tamper(
		location,
		`INSERT INTO bindings (${columns}) SELECT pod_namespace, 'api', namespace, pattern, expires, created, actor, seal FROM bindings`,
	);
	await t.throwsAsync(read(location, "first", api), { message: /bindings are damaged/ });
	t.is(summary(await read(location, "first")), "first-3");
	const listed = await command(location, ["bindings"]);
	t.is(listed.code, 1);
	t.regex(listed.stdout, /shop\/api .*damaged/);
	t.is((await command(location, ["unbind", "*", "--namespace", "shop", "--service-account", "api"])).code, 0);
	t.is(summary(await read(location, "first", api)), "<denied>");
});

test("a binding removed by other means revokes nothing, and one that is put back is noticed", async (t) => {
	const location = await filled(t);
	tamper(location, "DELETE FROM bindings");
	await t.throwsAsync(read(location, "first"), { message: /bindings are damaged/ });
});

/** Where a text stands: in the table and in its index. */
function occurrences(bytes: Buffer, text: string): readonly number[] {
	const found: number[] = [];
	for (let index = bytes.indexOf(text); index !== -1; index = bytes.indexOf(text, index + 1)) found.push(index);
	return found;
}

test("flipping any byte of the database never gives another value, and never makes a secret seem absent or forbidden", async (t) => {
	const location = await filled(t);
	const whole = readFileSync(location.database);
	const tally = { same: 0, refused: 0 };
	await fc.assert(
		fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (position, change) => {
			const damaged = Buffer.from(whole);
			damaged[position] = (whole[position] ?? 0) ^ change;
			writeFileSync(location.database, damaged);
			for (const [name, value] of [
				["first", "first-3"],
				["document", '{"user":"u","password":"p","host":"h"}'],
			] as const) {
				const seen = await read(location, name).then(summary, (error) => error);
				if (seen === value) tally.same += 1;
				else {
					t.true(
						seen instanceof ProviderError && seen.code === "unreachable",
						`byte ${position}: ${seen instanceof Error ? seen.stack : seen}`,
					);
					tally.refused += 1;
				}
			}
		}),
		{ numRuns: 400, examples: occurrences(whole, "shopfirst").map((position) => [position + 4, 1]) },
	);
	t.true(tally.same > 0 && tally.refused > 0, JSON.stringify(tally));
});

test("a truncated database is refused as damaged, or still gives the very value", async (t) => {
	const location = await filled(t);
	const whole = readFileSync(location.database);
	for (const length of [0, 1, 100, 512, 4096, whole.length / 2, whole.length - 4096, whole.length - 1]) {
		writeFileSync(location.database, whole);
		truncateSync(location.database, Math.floor(length));
		const seen = await read(location, "first").then(summary, (error) => error);
		if (length < whole.length - 4096) t.true(seen instanceof ProviderError && seen.code === "unreachable", `length ${length}: ${seen}`);
		else t.true(seen === "first-3" || seen.code === "unreachable", `length ${length}: ${seen}`);
	}
});

test("a directory that is put in place of another is read at the next mount", async (t) => {
	const location = await filled(t);
	const { directory } = location;
	cpSync(directory, `${directory}.backup`, { recursive: true });
	chmodSync(`${directory}.backup`, 0o700);
	const reader = connectedReader(location);
	t.is(summary(await reader("first")), "first-3");
	await command(location, ["put", "first", "--namespace", "shop"], "first-4");
	t.is(summary(await reader("first")), "first-4");
	renameSync(directory, `${directory}.old`);
	await t.throwsAsync(reader("first"), { message: /cannot be used \(ENOENT\)/ });
	renameSync(`${directory}.backup`, directory);
	const seen = await Promise.all(["first", "second", "first"].map((name) => reader(name)));
	t.deepEqual(seen.map(summary), ["first-3", "second-3", "first-3"]);
});

test("one key of a document is set without the others being opened", async (t) => {
	const location = await filled(t);
	const store = await openStore(t, location);
	await putMember(store, inShop("document"), "password", Buffer.from('new "quoted"'), { actor: "tester" });
	await putMember(store, inShop("document"), "port", Buffer.from("5432"), { actor: "tester" });
	t.is(summary(await read(location, "document")), '{"user":"u","password":"new \\"quoted\\"","host":"h","port":"5432"}');
	tamper(location, "UPDATE parts SET sealed = zeroblob(40) WHERE member = 'user'");
	await putMember(store, inShop("document"), "port", Buffer.from("1"), { actor: "tester" });
	await t.throwsAsync(read(location, "document"), { message: /failed authentication/ });
});
