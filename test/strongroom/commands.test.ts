import { chmodSync, cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { PassThrough } from "node:stream";
import test from "ava";
import { run } from "../../provider/cli/strongroom.ts";
import { locate } from "../../provider/strongroom/location.ts";
import { command, makeStrongroom, read, summary, web } from "./support.ts";

const shop = ["--namespace", "shop"];

const usageFaults: readonly { readonly args: readonly string[]; readonly expected: RegExp }[] = [
	{ args: ["get", "db"], expected: /there is no such command/ },
	{ args: ["put"], expected: /NAME is missing/ },
	{ args: ["put", "db", "value"], expected: /more arguments than this command takes.*never belongs on the command line/ },
	{ args: ["put", "db", "--value", "x"], expected: /The option --value is not known/ },
	{ args: ["put", "db", "--from-file", "a", "--generate", "password"], expected: /exclude each other/ },
	{ args: ["put", "db", "--generate", "rsa"], expected: /--generate needs `password` or `bytes:N`/ },
	{ args: ["put", "db", "--generate", "bytes:0"], expected: /--generate needs/ },
	{ args: ["put", "db", "--generate", "bytes:5000"], expected: /--generate needs/ },
	{ args: ["put", "db", "--content", "xml"], expected: /--content needs one of bytes, json/ },
	{ args: ["put", "db", "--content", "json", "--json-key", "a"], expected: /--json-key and --content exclude each other/ },
	{ args: ["put", "db", "--if-version", "one"], expected: /--if-version needs a number from 0/ },
	{ args: ["put", "db", "--namespace", "a", "--namespace", "b"], expected: /--namespace is given twice/ },
	{ args: ["put", "db", "--namespace"], expected: /--namespace needs a value/ },
	{ args: ["list", "--json=yes"], expected: /--json takes no value/ },
	{ args: ["delete", "db", "--version", "0"], expected: /--version needs a number from 1/ },
	{ args: ["bind", "db"], expected: /--service-account is missing/ },
	{ args: ["bind", "db", "--service-account", "web", "--expires", "soon"], expected: /--expires needs a duration/ },
	{ args: ["bind", "db", "--service-account", "web", "--expires", "2026-13-40"], expected: /--expires needs a duration/ },
	{ args: ["bind", "db", "--service-account", "web", "--expires", "2020-01-01"], expected: /lies in the past/ },
	{ args: ["audit", "--head", "1:xyz"], expected: /--head needs what --verify printed/ },
];

for (const { args, expected } of usageFaults) {
	test(`a wrong command line ends with 2 and says what is wrong: ${args.join(" ")}`, async (t) => {
		const location = await makeStrongroom(t);
		const { code, stdout, stderr } = await command(location, args, "value");
		t.is(code, 2, stderr);
		t.is(stdout, "");
		t.regex(stderr, expected);
	});
}

const refusals: readonly { readonly args: readonly string[]; readonly input?: string; readonly expected: RegExp }[] = [
	{ args: ["put", "../db"], input: "x", expected: /The secret name "\.\.\/db" is not a secret name/ },
	{ args: ["put", "db", "--namespace", "Shop"], input: "x", expected: /The namespace "Shop" is not a Kubernetes namespace/ },
	{ args: ["put", "db", "--json-key", "a\nb"], input: "x", expected: /The JSON key "a\\nb" is not 1 to 253 printable/ },
	{ args: ["put", "db", "--if-version", "1"], input: "x", expected: /version 1 was expected to be current, but it does not exist/ },
	{ args: ["put", "db", "--content", "json"], input: "{", expected: /is not JSON\. Mend it, or write it as --content bytes/ },
	{ args: ["put", "db", "--from-file", "/nowhere"], expected: /--from-file cannot be read \(ENOENT\)/ },
	{ args: ["put", "db"], input: "x".repeat(3 * 1024 * 1024 + 1), expected: /longer than 3145728 bytes/ },
	{ args: ["versions", "db"], expected: /There is no secret db \(namespace default\)/ },
	{ args: ["delete", "db"], expected: /There is no secret db/ },
	{ args: ["delete", "db", "--version", "1"], expected: /There is no secret db/ },
	{ args: ["bind", "a/*/b", "--service-account", "web"], expected: /is not a secret name/ },
	{ args: ["bind", "db", "--service-account", "Web"], expected: /is neither a service account name nor `\*`/ },
	{ args: ["unbind", "db", "--service-account", "web"], expected: /There is no binding default\/web may mount db/ },
];

for (const { args, input, expected } of refusals) {
	test(`a command that cannot be done ends with 1 and says why: ${args.join(" ").slice(0, 60)}: ${expected.source.slice(0, 30)}`, async (t) => {
		const location = await makeStrongroom(t);
		const before = await command(location, ["audit", "--json"]);
		const { code, stdout, stderr } = await command(location, args, input);
		t.is(code, 1, stderr);
		t.is(stdout, "");
		t.regex(stderr, expected);
		t.is((await command(location, ["audit", "--json"])).stdout, before.stdout, "what was not done is not recorded");
	});
}

test("every command has its help, and the overview names them all", async (t) => {
	const location = await makeStrongroom(t);
	const overview = await command(location, ["--help"]);
	t.is(overview.code, 0);
	for (const name of ["init", "put", "list", "versions", "delete", "rotate", "bind", "unbind", "bindings", "audit"]) {
		t.regex(overview.stdout, new RegExp(`^  ${name}\\b`, "m"));
		const help = await command(location, [name, "--help"]);
		t.is(help.code, 0);
		t.regex(help.stdout, new RegExp(`Usage: claviger strongroom ${name}\\b`));
		t.regex(help.stdout, /--directory DIR/);
	}
});

test("a value comes from standard input byte for byte, from a file, or out of nowhere", async (t) => {
	const location = await makeStrongroom(t);
	const bytesOf = async () => {
		const outcome = await read(location, "db");
		return outcome.kind === "found" ? outcome.value.reveal() : Buffer.alloc(0);
	};
	const bytes = Buffer.from([0, 0xff, 0x0d, 0x0a]);
	await command(location, ["put", "db", ...shop], bytes);
	t.deepEqual(await bytesOf(), bytes);
	await command(location, ["put", "db", ...shop, "--trim-newline"], "one\n\r\n");
	t.is((await bytesOf()).toString(), "one\n");
	await command(location, ["put", "db", ...shop, "--trim-newline"], "one");
	t.is((await bytesOf()).toString(), "one");
	const file = join(location.directory, "value");
	writeFileSync(file, bytes);
	await command(location, ["put", "db", ...shop, "--from-file", file]);
	t.deepEqual(await bytesOf(), bytes);
	const seen = new Set<string>();
	for (let round = 0; round < 5; round += 1) {
		await command(location, ["put", "db", ...shop, "--generate", "password"]);
		seen.add((await bytesOf()).toString());
	}
	t.is(seen.size, 5);
	for (const password of seen) t.regex(password, /^[A-Za-z0-9]{32}$/);
	await command(location, ["put", "db", ...shop, "--generate", "bytes:48"]);
	t.is((await bytesOf()).length, 48);
});

test("a value is not asked for at a terminal, where it would be shown", async (t) => {
	const location = await makeStrongroom(t);
	const stdin = Object.assign(new PassThrough(), { isTTY: true });
	const stderr = new PassThrough();
	const code = await run(["put", "db", "--directory", location.directory], { stdin, stdout: new PassThrough(), stderr });
	t.is(code, 2);
	t.regex(String(stderr.read()), /typed in the clear: pipe it in/);
});

test("one key of a document is set, added, and started with; other shapes are refused", async (t) => {
	const location = await makeStrongroom(t);
	const set = (key: string, value: string | Buffer) => command(location, ["put", "db", ...shop, "--json-key", key], value);
	await set("user", "u");
	t.is(summary(await read(location, "db")), '{"user":"u"}');
	await command(location, ["put", "db", ...shop], '{\n  "user": "v",\n  "port": 5432\n}\n');
	t.is((await set("user", "w")).code, 0);
	t.is((await set("new", "x")).code, 0);
	t.is(summary(await read(location, "db")), '{"user":"w",\n  "port": 5432\n,"new":"x"}\n');
	t.is(summary(await read(location, "db", web, { version: "2" })), '{\n  "user": "v",\n  "port": 5432\n}\n');
	t.regex((await set("user", Buffer.of(0xff))).stderr, /is not UTF-8 text/);
	for (const value of ["plain", "[1]", '{"a":1,"a":2}']) {
		await command(location, ["put", "db", ...shop], value);
		const refused = await set("user", "u");
		t.is(refused.code, 1);
		t.regex(refused.stderr, /is not a JSON object whose keys can be set one by one\. Put the whole value/);
	}
});

test("of two writers who saw the same version, one is refused", async (t) => {
	const location = await makeStrongroom(t);
	const write = (version: string, value: string) => command(location, ["put", "db", ...shop, "--if-version", version], value);
	t.is((await write("0", "first")).code, 0);
	t.is((await write("1", "mine")).code, 0);
	const late = await write("1", "yours");
	t.is(late.code, 1);
	t.regex(late.stderr, /version 1 was expected to be current, but version 2 is/);
	t.is(summary(await read(location, "db")), "mine");
	t.is((await command(location, ["delete", "db", ...shop, "--if-version", "1"])).code, 1);
	t.is((await command(location, ["delete", "db", ...shop, "--if-version", "2"])).code, 0);
	t.is((await write("0", "again")).code, 0);
});

test("every act is recorded once, in the transaction that does it, and the chain shows any change", async (t) => {
	const location = await makeStrongroom(t);
	await command(location, ["put", "db", ...shop], "one");
	await command(location, ["put", "db", ...shop, "--json-key", "a"], "one");
	await command(location, ["delete", "db", ...shop, "--version", "1"]);
	await command(location, ["rotate"]);
	await command(location, ["unbind", "*", ...shop, "--service-account", "web"]);
	await command(location, ["delete", "db", ...shop]);
	const acts = JSON.parse((await command(location, ["audit", "--json"])).stdout);
	t.deepEqual(acts.map(({ action, object, version }: Record<string, unknown>) => [action, object, version]).slice(1), [
		["bind", "shop/web may mount * (namespace shop)", undefined],
		["put", "db (namespace shop)", 1],
		["destroy-version", "db (namespace shop)", 1],
		["rotate", "key generation", 2],
		["retire-key", "key generation", 1],
		["unbind", "shop/web may mount * (namespace shop)", undefined],
		["delete", "db (namespace shop)", undefined],
	]);
	const verified = await command(location, ["audit", "--verify", "--json"]);
	const { head, records } = JSON.parse(verified.stdout);
	t.is(records, 8);
	const kept = `${head.sequence}:${head.hash}`;
	await command(location, ["put", "db", ...shop], "later");
	t.is((await command(location, ["audit", "--head", kept])).code, 0);
	const forgeries = [
		{ sql: "UPDATE audit SET actor = 'somebody' WHERE sequence = 3", expected: /Record 3 was changed/ },
		{ sql: "DELETE FROM audit WHERE sequence = 3", expected: /Record 3 is missing/ },
		{ sql: "DELETE FROM audit WHERE sequence = 1", expected: /Record 1 is missing/ },
		{
			sql: "UPDATE audit SET sequence = -sequence WHERE sequence IN (3, 4); UPDATE audit SET sequence = 7 + sequence WHERE sequence < 0",
			expected: /Record 3 does not follow/,
		},
		{ sql: "DELETE FROM audit WHERE sequence >= 8", expected: /The log ends before record 8/ },
	];
	for (const [index, { sql, expected }] of forgeries.entries()) {
		const directory = `${location.directory}-${index}`;
		cpSync(location.directory, directory, { recursive: true });
		chmodSync(directory, 0o700);
		const forged = locate({ directory }, {});
		const database = new DatabaseSync(forged.database);
		database.exec(sql);
		database.close();
		const result = await command(forged, ["audit", "--verify", "--head", kept]);
		t.is(result.code, 1);
		t.regex(result.stderr, expected);
	}
});
