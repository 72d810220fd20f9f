import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { resealText } from "../../provider/cli/reseal/text.ts";
import { openSealedValue, parseSealedValue } from "../../provider/sealing/sealed-value.ts";
import type { SealingKey } from "../../provider/sealing/sealing-key.ts";
import { readPrivateKey, readPublicKey } from "../../provider/sealing/sealing-key.ts";
import { makePod } from "../support/pods.ts";
import { startTestProvider } from "../support/provider.ts";
import { reseal, seal } from "../support/seal.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

const canary = "CANARY-7f3a9c-do-not-show";

interface Pair {
	readonly publicFile: string;
	readonly publicKey: SealingKey;
	readonly privateKey: SealingKey;
}

/** An installation that has followed its key `old` by `new`; the directory `keys` holds both. */
class Succession {
	readonly directory: string;
	readonly keys: string;
	readonly #t: ExecutionContext;

	constructor(t: ExecutionContext) {
		this.#t = t;
		this.directory = temporaryDirectory(t);
		this.keys = join(this.directory, "keys");
		mkdirSync(this.keys);
	}

	async add(name: string): Promise<Pair> {
		const made = join(this.directory, `made-${name}`);
		const { stdout } = await seal(["keys", "--out", made]);
		const file = join(this.keys, `${name}.pem`);
		renameSync(join(made, readdirSync(made)[0] ?? ""), file);
		const publicFile = this.write(`${name}-public.pem`, stdout);
		return { publicFile, publicKey: keyOf(readPublicKey(stdout)), privateKey: keyOf(readPrivateKey(readFileSync(file, "utf8"))) };
	}

	write(name: string, text: string): string {
		const file = join(this.directory, name);
		writeFileSync(file, text);
		return file;
	}

	async entry({ publicFile }: Pair, object: string, value = canary): Promise<string> {
		const args = ["--public-key", publicFile, "--namespace", "shop", "--service-account", "web", "--object", object];
		const { code, stdout, stderr } = await seal(["value", ...args], value);
		this.#t.is(code, 0, stderr);
		return stdout;
	}
}

function keyOf(key: SealingKey | string): SealingKey {
	if (typeof key === "string") throw new Error(key);
	return key;
}

function sealedTexts(text: string): readonly string[] {
	return [...text.matchAll(/eyJ[\w.-]+/g)].map(([found]) => found);
}

/** A manifest as people write them: comments, anchors, odd indentation, both kinds of quotes. */
function manifest(...entries: readonly string[]): string {
	const lines = entries.map((entry) => entry.replace(/^/gm, "      ").trimEnd()).join("\n      # between\n");
	return `# top
apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: shop,   namespace: &ns shop, labels: {a: *ns}}   # trailing
spec:
  provider: claviger
  parameters:
    objects: |
${lines}
---
kind:   ConfigMap\r
data: {'odd': "text" }
# no newline at the end`;
}

async function opened(text: string, { privateKey }: Pair): Promise<string | undefined> {
	const sealed = parseSealedValue(text);
	return typeof sealed === "string" ? sealed : (await openSealedValue(sealed, privateKey))?.toString();
}

test("values are sealed for the new key and the same pods, and the rest stays byte for byte", async (t) => {
	const site = new Succession(t);
	const [old, latest] = [await site.add("1"), await site.add("2")];
	const before = manifest(await site.entry(old, "db"), await site.entry(old, "stripe", "second"), await site.entry(latest, "fresh"));
	const file = site.write("shop.yaml", before);
	const { code, stdout, stderr } = await reseal(["--keys", site.keys, "--public-key", latest.publicFile, file]);
	t.is(code, 0, stderr);
	t.is(stderr, `${file}: 2 sealed anew, 1 for this key already\n`);
	t.is(readFileSync(file, "utf8"), before, "the file itself is not touched without --write");
	const [was, is] = [sealedTexts(before), sealedTexts(stdout)];
	t.is(is.length, 3);
	t.is(is[2], was[2]);
	t.is(stdout.replace(is[0] ?? "", was[0] ?? "").replace(is[1] ?? "", was[1] ?? ""), before);
	for (const [index, value] of [canary, "second", canary].entries()) {
		t.is(await opened(is[index] ?? "", latest), value);
		const [one, other] = [was[index], is[index]].map((text) => parseSealedValue(text ?? ""));
		t.deepEqual(typeof other === "object" && other.sealedFor, typeof one === "object" && one.sealedFor);
	}
	t.false((stdout + stderr).includes(canary));
});

test("several manifests are changed in place, keep their modes, and mount when the old key is gone", async (t) => {
	const site = new Succession(t);
	const old = await site.add("1");
	const entries = [await site.entry(old, "db"), await site.entry(old, "stripe", "second")];
	const files = entries.map((entry, index) => site.write(`${index}.yaml`, manifest(entry)));
	const untouched = site.write("other.yaml", "kind: ConfigMap\n");
	const writtenAt = statSync(untouched).mtimeMs;
	const link = join(site.directory, "link.yaml");
	symlinkSync(files[1] ?? "", link);
	for (const file of files) chmodSync(file, 0o664);
	const latest = await site.add("2");
	const { code, stdout, stderr } = await reseal([
		...["--keys", site.keys, "--public-key", latest.publicFile, "--write"],
		...[files[0] ?? "", link, untouched],
	]);
	t.is(code, 0, stderr);
	t.is(stdout, "");
	for (const file of files) t.is(statSync(file).mode & 0o777, 0o664);
	t.true(lstatSync(link).isSymbolicLink());
	t.is(statSync(untouched).mtimeMs, writtenAt);
	t.deepEqual(
		readdirSync(site.directory).filter((name) => name.includes("reseal")),
		[],
	);

	renameSync(join(site.keys, "1.pem"), join(site.directory, "1.pem"));
	const policy = `stores:\n  sealed: {type: sealed, keyDirectory: ${site.keys}}\n`;
	const provider = await startTestProvider(t, { policy, providers: "claviger" });
	const objects = files
		.flatMap((file) => sealedTexts(readFileSync(file, "utf8")))
		.map((sealed, index) => ({ name: ["db", "stripe"][index], sealed }));
	const mounted = await provider.mount("claviger", makePod(), { objects: JSON.stringify(objects) }, { audience: "claviger" });
	t.is(mounted.files.get("db")?.contents.toString(), canary);
	t.is(mounted.files.get("stripe")?.contents.toString(), "second");
	const again = await reseal(["--keys", site.keys, "--public-key", latest.publicFile, "--write", ...files]);
	t.true(again.stderr.includes("0 sealed anew, 1 for this key already"), again.stderr);
});

test("a value that cannot be sealed anew stays, is told, and fails the command, whatever becomes of the others", async (t) => {
	const site = new Succession(t);
	const [old, foreign] = [await site.add("1"), await site.add("9")];
	const entry = await site.entry(old, "db");
	const lost = await site.entry(foreign, "lost");
	const [sealed = ""] = sealedTexts(entry);
	const at = (index: number) => sealed.slice(0, index) + (sealed[index] === "A" ? "B" : "A") + sealed.slice(index + 1);
	const folded = (await site.entry(old, "folded")).replace("..", "..\\\n    ");
	renameSync(join(site.keys, "9.pem"), join(site.directory, "9.pem"));
	const latest = await site.add("2");
	const cases: readonly (readonly [text: string, problem: RegExp])[] = [
		[manifest(entry, lost), /The value ….{12} is sealed for the key [\w-]{43}, which is not among --keys\./],
		[manifest(entry, entry.replace(sealed, at(sealed.lastIndexOf(".") - 3))), /is damaged, or was changed after it was sealed\./],
		[manifest(entry, entry.replace(sealed, at(30))), /is no sealed value, or is damaged\.|has a header|is of another format/],
		[manifest(entry, folded), /shop: objects\[1\]\.sealed is no sealed value, or stands on several lines/],
		[`{{ if .Values.shop }}\n${manifest(entry)}\n: {{\n`, /It cannot be read as YAML, so that values on several lines would not be found/],
		[`a: *nothing\n---\n${manifest(entry)}`, /It cannot be read as YAML/],
	];
	for (const [text, problem] of cases) {
		const file = site.write("shop.yaml", text);
		const { code, stderr } = await reseal(["--keys", site.keys, "--public-key", latest.publicFile, "--write", file]);
		t.is(code, 1, stderr);
		t.regex(stderr, problem);
		t.regex(stderr, /: 1 sealed anew, 0 for this key already\n/);
		t.false(stderr.includes(canary));
		const after = readFileSync(file, "utf8");
		const [anew = "", ...rest] = sealedTexts(after);
		t.is(await opened(anew, latest), canary);
		t.deepEqual(rest, sealedTexts(text).slice(1));
	}
});

test("whatever stands around a value stays", async (t) => {
	const site = new Succession(t);
	const [old, latest] = [await site.add("1"), await site.add("2")];
	const [sealed = ""] = sealedTexts(await site.entry(old, "db"));
	const around = fc.string({ unit: "binary", maxLength: 40 }).filter((text) => !text.includes("eyJ"));
	// What goes on a word belongs to it.
	const before = around.map((text) => text.replace(/[\w]$/, "$& "));
	const after = around.map((text) => text.replace(/^[\w-]/, " $&"));
	await fc.assert(
		fc.asyncProperty(before, after, async (left, right) => {
			const { text, resealed } = await resealText(left + sealed + right, [old.privateKey], latest.publicKey);
			const anew = text.slice(left.length, text.length - right.length);
			return resealed === 1 && text === left + anew + right && anew !== sealed && (await opened(anew, latest)) === canary;
		}),
		{ numRuns: 500 },
	);
	t.pass();
});

test("a wrong command line, and files that cannot be used, are told by what is wrong with them", async (t) => {
	const site = new Succession(t);
	const { publicFile } = await site.add("1");
	const file = site.write("shop.yaml", "kind: ConfigMap\n");
	const usual = ["--keys", site.keys, "--public-key", publicFile];
	const binary = join(site.directory, "binary.yaml");
	writeFileSync(binary, Buffer.from([0xff, 0xfe]));
	const cases: readonly (readonly [args: readonly string[], code: number, problem: RegExp])[] = [
		[["--public-key", publicFile, file], 2, /--keys is missing/],
		[["--keys", site.keys, file], 2, /--public-key is missing/],
		[usual, 2, /Name the manifest/],
		[[...usual, file, file], 2, /Several manifests are changed in place only: add --write/],
		[[...usual, "--keys", site.keys, file], 2, /--keys is given twice/],
		[[...usual, "--value", "x", file], 2, /The option --value is not known/],
		[[...usual, join(site.directory, "none.yaml")], 1, /none\.yaml cannot be read \(ENOENT\)/],
		[[...usual, binary], 1, /binary\.yaml is not UTF-8/],
		[["--keys", join(site.directory, "none"), "--public-key", publicFile, file], 1, /none, of the keys for sealed values, cannot be read/],
		[["--keys", site.keys, "--public-key", join(site.keys, "1.pem"), file], 1, /holds a private key/],
	];
	for (const [args, expected, problem] of cases) {
		const { code, stdout, stderr } = await reseal(args);
		t.is(code, expected, stderr);
		t.is(stdout, "");
		t.regex(stderr, problem);
	}
	const help = await reseal(["--help"]);
	t.is(help.code, 0);
	t.regex(help.stdout, /^claviger reseal: /);
});
