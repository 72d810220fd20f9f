import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { parse } from "yaml";
import { makePod } from "../support/pods.ts";
import { startTestProvider } from "../support/provider.ts";
import { runSeal, seal } from "../support/seal.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { canary, pod, showsNothing, tellsProblems } from "./seal-support.ts";

/** An installation as an administrator makes it: the directory of the private keys, and a file with the public one. */
async function install(t: ExecutionContext) {
	const directory = temporaryDirectory(t);
	const [keys, publicKey] = [join(directory, "keys"), join(directory, "public.pem")];
	const { code, stdout, stderr } = await seal(["keys", "--out", keys]);
	t.is(code, 0, stderr);
	writeFileSync(publicKey, stdout);
	return { directory, keys, publicKey, usual: ["value", "--public-key", publicKey, ...pod], stderr };
}

test("what is sealed is mounted by the pods that it is for, as it was put in", async (t) => {
	const { keys, publicKey } = await install(t);
	const policy = `stores:\n  sealed: {type: sealed, keyDirectory: ${keys}, allowNamespaceScope: true}\n`;
	const provider = await startTestProvider(t, { policy, providers: "claviger" });
	const values = [Buffer.from([...Array(256).keys()]), Buffer.from("text\n"), Buffer.alloc(0), Buffer.alloc(160 * 1024, "x")];
	const binds = [[...pod.slice(0, 4)], [...pod.slice(0, 4), "--bind", "serviceAccount"], ["--namespace", "shop", "--bind", "namespace"]];
	const entries: string[] = [];
	for (const [index, value] of values.entries()) {
		const bind = binds[index % binds.length] ?? [];
		const { code, stdout, stderr } = await seal(["value", "--public-key", publicKey, ...bind, "--object", `o${index}`], value);
		t.is(code, 0, stderr);
		entries.push(stdout);
	}
	const { files } = await provider.mount("claviger", makePod(), { objects: entries.join("") }, { audience: "claviger" });
	for (const [index, value] of values.entries()) t.true(files.get(`o${index}`)?.contents.equals(value), `o${index}`);
});

test("the entry is printed with every text in quotes, and who has it is told", async (t) => {
	const { usual } = await install(t);
	const { stdout, stderr } = await seal(usual, canary);
	t.regex(stdout, /^- name: "db"\n {2}store: "sealed"\n {2}sealed: "eyJ[\w-]+\.\.[\w-]{16}\.[\w-]+\.[\w-]{22}"\n$/);
	t.regex(stderr, /^Sealed for the service account shop\/web, as "db", with the key [\w-]{43}\.\n$/);
	const elsewhere = await seal([...usual, "--store", "own", "--bind", "serviceAccount"], `${canary}\n`);
	t.is(parse(elsewhere.stdout)[0].store, "own");
	t.regex(elsewhere.stderr, /^The value ends with a newline.*\nSealed for the service account shop\/web with/);
});

test("keys are for their owner alone, named by the time, and never overwritten", async (t) => {
	const { directory, keys, publicKey, stderr } = await install(t);
	const [file = ""] = readdirSync(keys);
	t.regex(file, /^sealing-\d{4}-\d\d-\d\d-\d{6}\.pem$/);
	t.is(statSync(keys).mode & 0o777, 0o700);
	t.is(statSync(join(keys, file)).mode & 0o777, 0o600);
	t.regex(stderr, /The private key [\w-]{43} is in .*\n {2}kubectl create secret generic claviger-sealing .*--from-file=\S+\n$/);
	t.is(execFileSync("openssl", ["pkey", "-pubout", "-in", join(keys, file)], { encoding: "utf8" }), readFileSync(publicKey, "utf8"));

	// Whenever within the next seconds a further key is made, a file of its name is there.
	const seconds = Array.from({ length: 60 }, (_, index) => new Date(Date.now() + index * 1000).toISOString());
	const names = seconds.map((time) => `sealing-${time.slice(0, 10)}-${time.slice(11, 19).replaceAll(":", "")}.pem`);
	for (const name of names) writeFileSync(join(keys, name), "kept");
	const again = await seal(["keys", "--out", keys]);
	t.is(again.code, 1);
	t.is(again.stdout, "");
	t.regex(again.stderr, /is there already, and no key is overwritten/);
	t.true(names.every((name) => readFileSync(join(keys, name), "utf8") === "kept"));

	const nowhere = await seal(["keys", "--out", join(publicKey, "keys")]);
	t.regex(nowhere.stderr, /cannot be written \(ENOTDIR\)/);
	const nothing = await seal(["keys"]);
	t.is(nothing.code, 2);
	t.deepEqual(readdirSync(directory).sort(), ["keys", "public.pem"]);
});

test("a further key is told how it joins the one that is there", async (t) => {
	const { keys } = await install(t);
	renameSync(join(keys, readdirSync(keys)[0] ?? ""), join(keys, "sealing-2026-11-24-120000.pem"));
	const further = await seal(["keys", "--out", keys]);
	t.is(further.code, 0, further.stderr);
	t.regex(further.stderr, /--dry-run=client --output yaml \| kubectl replace --filename -\n$/);
	t.is(readdirSync(keys).sort()[0], "sealing-2026-11-24-120000.pem", "the new one comes last");
});

test("no command line, right or wrong, shows the value", async (t) => {
	const { directory, usual } = await install(t);
	const file = join(directory, "value");
	writeFileSync(file, canary);
	await showsNothing(t, [
		[usual, 0],
		[[...usual, "--file", file], 0],
		[[...usual, "--file", `/nowhere/${canary}`], 1],
		[[...usual, canary], 2],
		[[...usual, `--value=${canary}`], 2],
		[["value", "--public-key", `/nowhere/${canary}`, ...pod], 1],
		[["value", "--public-key", file, ...pod], 1],
	]);
});

test("a wrong command line is told by what is wrong with it", async (t) => {
	const { keys, publicKey } = await install(t);
	const key = ["--public-key", publicKey];
	await tellsProblems(t, "value", [
		[[...pod], /--public-key is missing/],
		[[...key, "--namespace", "shop", "--service-account", "web"], /--object is missing/],
		[[...key, ...pod.slice(0, -1), "db.password"], /--object is no name of an object/],
		[[...key, ...pod.slice(0, -1), "../x"], /--object has an element/],
		[[...key, "--namespace", "shop", "--object", "db"], /--service-account is missing/],
		[[...key, "--namespace", "Shop", "--service-account", "web", "--object", "db"], /--namespace /],
		[[...key, "--namespace", "shop", "--service-account", "*", "--object", "db"], /--service-account is not one service account/],
		[[...key, ...pod, "--bind", "namespace"], /--service-account has no effect/],
		[[...key, "--object", "db", "--bind", "none"], /--bind none would seal for nobody in particular/],
		[[...key, ...pod, "--namespace", "bank"], /--namespace is given twice/],
		[[...key, ...pod, "--dialect", "claviger"], /--dialect is not known/],
	]);
	const privateKey = join(keys, readdirSync(keys)[0] ?? "");
	for (const [args, problem] of [
		[["--public-key", privateKey, ...pod], /holds a private key, which belongs to the provider alone/],
		[["--public-key", "/nowhere", ...pod], /--public-key cannot be read \(ENOENT\)/],
	] as const) {
		const { code, stdout, stderr } = await seal(["value", ...args], "hunter2");
		t.is(code, 1);
		t.is(stdout, "");
		t.regex(stderr, problem);
	}
	const long = await seal(["value", ...key, ...pod], Buffer.alloc(160 * 1024 + 1));
	t.is(long.code, 1);
	for (const [kind, usage] of [
		["value", /Usage: claviger seal value/],
		["keys", /Usage: claviger seal keys/],
	] as const) {
		const help = await seal([kind, "--help"]);
		t.is(help.code, 0);
		t.regex(help.stdout, usage);
	}
});

test("the program makes keys and seals from a shell", async (t) => {
	const { usual, keys } = await install(t);
	const sealed = await runSeal(usual, canary, {});
	t.is(sealed.code, 0, sealed.stderr);
	t.is(parse(sealed.stdout)[0].name, "db");
	const made = await runSeal(["keys", "--out", `${keys}-further`], "", {});
	t.regex(made.stdout, /^-----BEGIN PUBLIC KEY-----\n/);
});
