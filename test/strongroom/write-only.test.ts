import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import test from "ava";
import type { Location } from "../../provider/strongroom/location.ts";
import { command, connectedReader, makeStrongroom, openStore, put, summary } from "./support.ts";

const provider = join(import.meta.dirname, "..", "..", "provider");
const canary = "CANARY-7f3a9c-do-not-show";

/** The forms in which a value could come out: as it is, in the usual encodings, and its length. */
function formsOf(value: Buffer): readonly Buffer[] {
	const texts = [
		value.toString("hex"),
		value.toString("hex").toUpperCase(),
		value.toString("base64").replace(/=+$/, ""),
		value.toString("base64url"),
		encodeURIComponent(value.toString("utf8")),
		...windowsOf(value.toString("utf8")),
	];
	return [value, Buffer.from(value.toString("utf8"), "utf16le"), ...texts.map((text) => Buffer.from(text))];
}

/** Every run of eight characters. */
function windowsOf(text: string): readonly string[] {
	return Array.from({ length: text.length - 7 }, (_, index) => text.slice(index, index + 8));
}

const forms = formsOf(Buffer.from(canary));
const shows = (bytes: Buffer) => forms.some((form) => bytes.includes(form));

test("no command, whatever its answer, shows a value to the administrator", async (t) => {
	const location = await makeStrongroom(t);
	const file = join(location.directory, "..", "value.json");
	writeFileSync(file, JSON.stringify({ password: canary, list: [canary] }));
	const target = ["db", "--namespace", "shop"];
	const runs: readonly (readonly [readonly string[], string?])[] = [
		[["put", ...target], canary],
		[["put", ...target, "--json"], canary],
		[["put", ...target, "--from-file", file]],
		[["put", ...target, "--json-key", "password"], canary],
		[["put", ...target, "--json-key", "binary"], `${canary}\u0000`],
		[["put", ...target, "--content", "json"], `{"broken": ${canary}`],
		[["put", ...target, "--if-version", "99"], canary],
		[["put", ...target, "--from-file", `/nowhere/${canary}`]],
		[["put", ...target, canary]],
		[["put", ...target, `--value=${canary}`]],
		[["put", ...target, "--generate", canary]],
		[["put", ...target, "--if-version", canary]],
		[["put", "other", "--namespace", "shop", "--generate", "password"]],
		[["list"]],
		[["list", "--json"]],
		[["list", "--namespace", "shop"]],
		[["versions", ...target]],
		[["versions", ...target, "--json"]],
		[["bindings"]],
		[["bindings", "--json"]],
		[["audit"]],
		[["audit", "--json"]],
		[["audit", "--verify"]],
		[["rotate"]],
		[["rotate", "--json"]],
		[["init"]],
		[["get", ...target]],
		[["delete", ...target, "--version", "1"]],
		[["delete", ...target]],
		[["audit", "--json"]],
	];
	for (const [args, input] of runs) {
		const { stdout, stderr } = await command(location, args, input);
		t.false(shows(Buffer.from(stdout + stderr)), `${args.join(" ")}:\n${stdout}${stderr}`);
	}
});

test("metadata tells nothing about a value: neither its length nor whether it changed", async (t) => {
	const outputs: string[] = [];
	for (const value of ["a", "a".repeat(100_000)]) {
		const location = await makeStrongroom(t);
		for (const [args, input] of [[["put", "db"], value], [["list"]], [["versions", "db"]], [["list", "--json"]]] as const) {
			const { stdout, stderr } = await command(location, args, input);
			outputs.push((stdout + stderr).replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME"));
		}
	}
	t.deepEqual(outputs.slice(0, 4), outputs.slice(4));
});

test("no file of the strongroom holds a value, while it is open and after", async (t) => {
	const location = await makeStrongroom(t);
	const store = await openStore(t, location);
	for (let index = 0; index < 30; index += 1)
		await put(store, `secret-${index}`, index % 2 === 0 ? canary : JSON.stringify({ key: canary }));
	const reader = connectedReader(location);
	t.is(summary(await reader("secret-0")), canary);
	assertClean(location);
	await command(location, ["rotate"]);
	await command(location, ["delete", "secret-0", "--namespace", "shop"]);
	assertClean(location);
	await store.close();
	assertClean(location);

	function assertClean({ directory }: Location): void {
		for (const name of readdirSync(directory)) t.false(shows(readFileSync(join(directory, name))), name);
	}
});

/** The modules that a file loads, directly or through others, and the file itself. */
function closureOf(file: string, seen = new Set<string>()): ReadonlySet<string> {
	if (seen.has(file)) return seen;
	seen.add(file);
	for (const [, target] of readFileSync(file, "utf8").matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)) {
		closureOf(resolve(dirname(file), target ?? ""), seen);
	}
	return seen;
}

test("the module that decrypts values is out of the command line's reach", (t) => {
	const decrypting = join(provider, "strongroom", "reveal.ts");
	const commandLine = closureOf(join(provider, "cli", "strongroom.ts"));
	t.true(commandLine.has(join(provider, "strongroom", "write.ts")), "the reading of imports works");
	t.false(commandLine.has(decrypting));
	t.true(closureOf(join(provider, "stores", "strongroom", "index.ts")).has(decrypting));
});

test("only the store imports the decrypting module, and only it opens values", (t) => {
	const importers = (name: string, from: string) =>
		readdirSync(provider, { recursive: true, encoding: "utf8" })
			.filter((file) => file.endsWith(".ts"))
			.filter((file) => {
				const text = readFileSync(join(provider, file), "utf8");
				const lists = [...text.matchAll(/import (?:type )?\{([^}]*)\} from "([^"]+)"/g)];
				return lists.some(([, names = "", target = ""]) => {
					const isTarget = relative(provider, resolve(provider, dirname(file), target)) === from;
					return isTarget && names.split(",").some((entry) => entry.trim() === name);
				});
			})
			.sort();
	t.deepEqual(importers("reveal", "strongroom/reveal.ts"), ["stores/strongroom/reader.ts"]);
	t.deepEqual(importers("open", "strongroom/cipher.ts"), ["strongroom/keys.ts", "strongroom/reveal.ts", "strongroom/unseal.ts"]);
	t.deepEqual(importers("unwrapKey", "strongroom/keys.ts"), ["strongroom/reveal.ts"]);
	t.deepEqual(importers("valueContext", "strongroom/keys.ts"), ["strongroom/reveal.ts", "strongroom/write.ts"]);
});
