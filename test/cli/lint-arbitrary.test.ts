import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import fc from "fast-check";
import { stringify } from "yaml";
import { embeddedIn, parseManifests } from "../../provider/cli/lint/read/parse.ts";
import { maskSecrets } from "../../provider/cli/lint/read/secret-patterns.ts";
import { DocumentSource } from "../../provider/cli/lint/read/source.ts";
import { Dialects } from "../../provider/dialects.ts";
import { ProviderError } from "../../provider/errors.ts";
import { faultsOf } from "../../provider/plan/faults.ts";
import { readPolicyFile } from "../../provider/policy/policy-file.ts";
import { StoreRegistry } from "../../provider/store-registry.ts";
import { stores } from "../../provider/stores/index.ts";
import { makePod } from "../support/pods.ts";
import { faultsOfText, lint } from "./lint/run-lint.ts";

const folder = join(import.meta.dirname, "lint");
const policyFile = join(folder, "policy.yaml");
const manifests = readdirSync(join(folder, "broken")).map((file) => readFileSync(join(folder, "broken", file), "utf8"));

const fragment = fc.oneof(
	fc.string({ unit: "binary", maxLength: 8 }),
	fc.constantFrom(
		"\n",
		"  ",
		"- ",
		": ",
		"{",
		"}",
		"[",
		"]",
		'"',
		"'",
		"|\n",
		">-\n",
		"&a ",
		"*a",
		"<<: *a",
		"!!str ",
		"---\n",
		"? ",
		"\t",
		"#",
		"\r\n",
		"null",
		"0400",
	),
	fc.constantFrom(
		"spec:",
		"parameters:",
		"objects:",
		"files:",
		"secretObjects:",
		"volumes:",
		"secrets-store",
		"__proto__:",
		"csi:",
		"items:",
	),
);

/** A manifest with pieces taken out, doubled, or put in. */
const mutated = fc
	.tuple(fc.constantFrom(...manifests), fc.array(fc.tuple(fc.nat(), fc.nat({ max: 40 }), fragment), { maxLength: 6 }))
	.map(([text, changes]) =>
		changes.reduce((current, [position, length, piece]) => {
			const start = position % (current.length + 1);
			return current.slice(0, start) + piece + current.slice(start + length);
		}, text),
	);

test("no text makes it throw or hang, and every place it names is in the text", async (t) => {
	const texts = fc.oneof(
		{ weight: 8, arbitrary: mutated },
		{ weight: 1, arbitrary: fc.string({ unit: "binary" }) },
		{ weight: 1, arbitrary: fc.json() },
	);
	await fc.assert(
		fc.asyncProperty(texts, async (text) => {
			const lines = text.split("\n");
			for (const { line, column } of await faultsOfText(text, "--policy", policyFile)) {
				t.true(line >= 1 && column >= 1 && column <= (lines[line - 1] ?? "").length + 1, `${line}:${column} of ${JSON.stringify(text)}`);
			}
		}),
		{ numRuns: 200 },
	);
	t.pass();
});

test("texts made to exhaust a parser are answered at once", async (t) => {
	const head = "apiVersion: secrets-store.csi.x-k8s.io/v1\nkind: SecretProviderClass\n";
	for (const text of [
		`${head}spec: ${"[".repeat(100_000)}`,
		`${head}spec: &a {parameters: &b {objects: *b, <<: [${"*b, ".repeat(5000)}*b]}, <<: *a, x: *a}`,
		`&a {kind: List, items: [${"*a, ".repeat(20)}*a]} # secrets-store`,
		`${head}spec: {parameters: {objects: "&a [${"*a, ".repeat(5000)}*a]", files: "&a {'': *a}"}}`,
		`${head}spec:\n  provider: claviger\n  parameters:\n    objects: |\n${"      - &a {a: *a}\n".repeat(5000)}`,
		`${head}${"- ".repeat(50_000)}`,
		`${head}spec: {parameters: {a: "${"eyJ-".repeat(60_000)}"}}`,
		`${head}spec: {parameters: {a: "${"-----BEGIN PRIVATE KEY-----".repeat(9000)}"}}`,
		`${head}spec: {parameters: {a: "${"://a:".repeat(50_000)}"}}`,
		`${head}spec:\n  provider: vault\n  parameters:\n    objects: |\n${"      - {objectName: a/../b, secretPath: ../x, filePermission: 9999}\n".repeat(990)}`,
	]) {
		const start = performance.now();
		await faultsOfText(text);
		const seconds = (performance.now() - start) / 1000;
		t.true(seconds < 30, `${seconds} s for ${text.slice(70, 130)}`);
	}
});

test("a planted credential never comes out, wherever it stands", async (t) => {
	const body = fc.string({
		unit: fc.constantFrom(..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"),
		minLength: 36,
		maxLength: 60,
	});
	const planted = fc.oneof(
		body.map((text) => ({ written: `hvs.${text}`, secret: text })),
		body.map((text) => ({ written: `ghp_${text}`, secret: text })),
		body.map((text) => ({ written: `https://user:${text}@vault.example`, secret: text })),
		body.map((text) => ({ written: `-----BEGIN PRIVATE KEY-----\\n${text}\\n-----END PRIVATE KEY-----`, secret: text })),
	);
	const formats = fc.constantFrom("text", "json", "github");
	await fc.assert(
		fc.asyncProperty(mutated, planted, fc.nat(), formats, async (text, { written, secret }, position, format) => {
			// Between words, so that no letter before it makes another word of it.
			const gaps = [...text.matchAll(/(?<=[\s"':,{[])(?=\S)|$/g)].map(({ index }) => index);
			const at = gaps[position % gaps.length] ?? 0;
			const { stdout, stderr } = await lint(["--format", format, "--policy", policyFile, "-"], {
				input: text.slice(0, at) + written + text.slice(at),
			});
			const said = stdout + stderr;
			for (let start = 0; start + 8 <= secret.length; start += 1) t.false(said.includes(secret.slice(start, start + 8)), said);
		}),
		{ numRuns: 150 },
	);
	t.pass();
});

test("masking keeps lines, columns and everything that is no credential", (t) => {
	fc.assert(
		fc.property(mutated, (text) => {
			const masked = maskSecrets(text);
			return masked.length === text.length && masked.replace(/\S/g, "").length === text.replace(/\S/g, "").length;
		}),
	);
	const ordinary = "objects: |\n  - {name: token, key: password, path: secret/data/app, url: https://vault.example:8200/v1@2}\n";
	t.is(maskSecrets(ordinary), ordinary);
});

test("a character of an embedded text is found where it is written, in every style of scalar", (t) => {
	const word = fc.string({ unit: fc.constantFrom(..."abc\"'\\#:é😀\u00a0\u2028\t"), minLength: 1, maxLength: 12 });
	const value = fc
		.array(
			fc.array(word, { maxLength: 12 }).map((words) => words.join(" ")),
			{ minLength: 1, maxLength: 6 },
		)
		.map((lines) => lines.join("\n"));
	const style = fc.constantFrom("BLOCK_LITERAL", "BLOCK_FOLDED", "QUOTE_DOUBLE", "QUOTE_SINGLE", "PLAIN");
	fc.assert(
		fc.property(value, style, fc.boolean(), (text, defaultStringType, singles) => {
			const options = { defaultStringType, defaultKeyType: "PLAIN", lineWidth: 40, singleQuote: singles } as const;
			const written = stringify({ outer: { objects: `x${text}` } }, options);
			const node = parseManifests(new DocumentSource("a", written, 0)).roots[0]?.at("outer", "objects");
			const source = node?.embeddedSource;
			const lines = written.split("\n");
			for (const [offset, character] of [...(source?.text ?? "")].entries()) {
				if (!/[abc]/.test(character)) continue;
				const start = [...(source?.text ?? "")].slice(0, offset).join("").length;
				const { line, column } = source?.position(start) ?? { line: 0, column: 0 };
				if (lines[line - 1]?.[column - 1] !== character) return false;
			}
			return true;
		}),
		{ numRuns: 500 },
	);
	t.pass();
});

test("lint reports of a class exactly what Mount would answer", async (t) => {
	const policy = readPolicyFile(policyFile, []);
	const dialects = await Dialects.open(new StoreRegistry(stores), policy, ["claviger", "vault", "openbao"]);
	const name = fc.constantFrom(
		"objects",
		"files",
		"stores",
		"roleName",
		"vaultAddress",
		"vaultSkipTLSVerify",
		"audience",
		"baoNamespace",
		"other",
	);
	const text = fc.oneof(
		fc.constantFrom(
			"shop",
			"",
			"- {name: a, store: vault, path: b}",
			"- {objectName: a, secretPath: b}",
			"- {path: a, from: a, mode: '9'}",
			"{",
			"maybe",
		),
		fc.array(fragment, { maxLength: 6 }).map((pieces) => pieces.join("")),
	);
	const provider = fc.constantFrom("claviger", "vault", "openbao");
	await fc.assert(
		fc.asyncProperty(provider, fc.dictionary(name, text, { minKeys: 1 }), async (socket, parameters) => {
			const request = {
				...{ provider: socket, pod: makePod({ namespace: "default" }), tokens: new Map(), parameters: new Map(Object.entries(parameters)) },
				...{
					credentials: new Map(),
					defaultMode: 0o644,
					targetPath: "/volume",
					currentVersions: new Map(),
					signal: AbortSignal.timeout(60_000),
				},
			};
			const dialect = await dialects.of(request);
			const error = caught(() => dialect.plan(request));
			const manifest = {
				apiVersion: "secrets-store.csi.x-k8s.io/v1",
				kind: "SecretProviderClass",
				metadata: { name: "a" },
				spec: { provider: socket, parameters },
			};
			const findings = await faultsOfText(JSON.stringify(manifest), "--policy", policyFile);
			const reported = findings.filter(({ rule }) => rule === "parameters-invalid");
			const expected = new Set(error === undefined ? [] : faultsOf(error).map(({ path, message }) => `${path} ${message}`));
			t.is(reported.length, expected.size, JSON.stringify({ parameters, reported, expected: [...expected] }));
		}),
		{ numRuns: 150 },
	);
});

function caught(plan: () => unknown): ProviderError | undefined {
	try {
		plan();
		return undefined;
	} catch (reason) {
		return ProviderError.from(reason);
	}
}

test("a YAML text inside a text is read once for a node", (t) => {
	const node = parseManifests(new DocumentSource("a", "objects: '[a, b]'", 0)).roots[0]?.at("objects");
	if (node === undefined) return t.fail();
	t.is(embeddedIn(node), embeddedIn(node));
	t.deepEqual(
		embeddedIn(node)?.items.map(({ path, position }) => [path, position.column]),
		[
			["objects[0]", 12],
			["objects[1]", 15],
		],
	);
});
