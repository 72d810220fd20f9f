import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { rules } from "../../provider/cli/lint/rules.ts";
import { Installation } from "../stores/sealed/support.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { expectedFaults } from "./lint/expected-faults.ts";
import { faultsOfText, lint, parseReport } from "./lint/run-lint.ts";

const folder = join(import.meta.dirname, "lint");
const broken = join(folder, "broken");
const policy = join(folder, "policy.yaml");
const examples = join(import.meta.dirname, "../../manifests/examples");

const shop = (parameters: string, provider = "claviger") => `apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: shop}
spec:
  provider: ${provider}
  parameters:
${parameters.replace(/^/gm, "    ")}
`;
const good = shop("objects: |\n  - {name: db, store: vault, path: secret/data/db}");

test("every fault of the broken manifests is found at its place, with a remedy, and no other", async (t) => {
	const files = readdirSync(broken).sort();
	t.deepEqual(files, Object.keys(expectedFaults).sort());
	t.true(files.length >= 40);
	for (const file of files) {
		const path = join(broken, file);
		const lines = readFileSync(path, "utf8").split("\n");
		const { code, stdout } = await lint(["--json", "--strict", "--policy", policy, path]);
		t.is(code, 1, file);
		const { findings } = parseReport(stdout);
		const expected = expectedFaults[file] ?? [];
		t.deepEqual(
			findings.map(({ line, rule }) => [line, rule]),
			expected.map(([line, rule]) => [line, rule]),
			file,
		);
		for (const [index, { line, column, rule, path, cause, remedy, severity }] of findings.entries()) {
			const found = lines[line - 1]?.slice(column - 1);
			t.true(found?.startsWith(expected[index]?.[2] ?? "?"), `${file}: ${rule} is at ${JSON.stringify(found)}`);
			t.true(path !== "" && cause !== "" && !cause.endsWith("."), `${file}: ${cause}`);
			t.regex(remedy, /^[A-Z].*[.}]$/, file);
			t.is(severity, rules[rule].severity);
		}
	}
});

test("every rule has a broken manifest that shows it", (t) => {
	const shown = new Set(Object.values(expectedFaults).flatMap((faults) => faults.map(([, rule]) => rule)));
	// These take a policy of their own.
	shown.add("policy-warning").add("object-advice");
	t.deepEqual([...shown].sort(), Object.keys(rules).sort());
});

test("the examples have no fault and no warning, with a policy and without", async (t) => {
	for (const args of [[], ["--policy", policy]]) {
		const { code, stdout } = await lint(["--strict", ...args, examples]);
		t.is(code, 0, stdout);
		t.regex(stdout, /^No faults in \d+ files: \d+ classes, \d+ pods/);
	}
});

test("a class without faults in any way of writing it has none", async (t) => {
	for (const text of [
		good,
		good.replaceAll("\n", "\r\n"),
		`\uFEFF# a comment\n---\n${good}---\n`,
		`kind: ConfigMap\ndata: {a: "{{"}\n---\n${good}\n---\nnot: a manifest\n`,
		`apiVersion: v1\nkind: List\nitems:\n${good.replace(/^(?=.)/gm, "    ").replace("    a", "  - a")}`,
		good.replace("{name: shop}", "{name: &name shop, labels: {app: *name}}"),
		shop('objects: "- {name: db, store: vault, path: secret/data/db}"'),
		shop("<<: {objects: '- {name: db, path: x}'}"),
	]) {
		t.deepEqual(await faultsOfText(text), [], text);
	}
});

test("what the administrator configures is taken on trust without a policy, and known with one", async (t) => {
	const roleOnly = shop('stores: "elsewhere: {role: shop}"\nobjects: "- {name: db, anything: goes}"');
	t.deepEqual(await faultsOfText(roleOnly), []);
	t.deepEqual(
		(await faultsOfText(roleOnly, "--policy", policy)).map(({ rule, path }) => [rule, path]),
		[["parameters-invalid", "spec.parameters.stores.elsewhere.type"]],
	);
	const foreign = shop("roleName: shop\nvaultAddress: https://elsewhere.example\nobjects: '- {objectName: a, secretPath: kv/a}'", "vault");
	t.deepEqual(await faultsOfText(foreign), []);
});

test("the compatible profile lets an unlisted address pass with a warning", async (t) => {
	const file = join(temporaryDirectory(t), "policy.yaml");
	writeFileSync(file, "profile: compatible\n");
	const foreign = shop("roleName: shop\nvaultAddress: https://elsewhere.example\nobjects: '- {objectName: a, secretPath: kv/a}'", "vault");
	const [fault, ...others] = await faultsOfText(foreign, "--policy", file);
	t.like(fault, { rule: "policy-warning", path: "spec.parameters.vaultAddress", line: 8 });
	t.is(others.length, 0);
});

test("sealed values are looked at with the keys where those are at hand, and without a word on them elsewhere", async (t) => {
	const installation = new Installation(t);
	const [directory, sealedFor] = [
		temporaryDirectory(t),
		{ kind: "object", namespace: "shop", serviceAccount: "web", object: "db" } as const,
	];
	for (const key of ["1", "2", "3"]) installation.addKey(key);
	const classOf = async (key: string) => {
		const entry = { name: "db", store: "sealed", sealed: await installation.seal(key, "hunter2", sealedFor) };
		return shop(`objects: '${JSON.stringify([entry])}'`).replace("{name: shop}", "{name: shop, namespace: shop}");
	};
	const file = join(directory, "policy.yaml");
	writeFileSync(file, `stores: {sealed: {type: sealed, keyDirectory: ${installation.directory}}}\n`);
	const [lost, old, current] = await Promise.all(["1", "2", "3"].map(classOf));
	installation.removeKey("1");
	const cases: readonly (readonly [text: string | undefined, rule: string, cause: RegExp])[] = [
		[lost, "object-withheld", /^is sealed for the key [\w-]{43}, which this installation does not have$/],
		[old, "object-advice", /^is sealed for the key [\w-]{43}, which [\w-]{43} has followed$/],
	];
	for (const [text = "", rule, cause] of cases) {
		const [fault, ...others] = await faultsOfText(text, "--policy", file);
		t.like(fault, { rule, path: "spec.parameters.objects[0].sealed", line: 7 });
		t.regex(fault?.cause ?? "", cause);
		t.deepEqual(others, []);
		t.deepEqual(await faultsOfText(text), []);
		t.deepEqual(await faultsOfText(text, "--policy", policy), []);
	}
	t.deepEqual(await faultsOfText(current ?? "", "--policy", file), []);
});

test("objects of several files and folders are looked at together", async (t) => {
	const directory = temporaryDirectory(t);
	for (const name of ["classes", "pods/deep", ".hidden", "chart/templates"]) mkdirSync(join(directory, name), { recursive: true });
	const classAndPod = readFileSync(join(broken, "32-class-of-other-name.yaml"), "utf8").split("---\n");
	writeFileSync(join(directory, "classes/class.yml"), classAndPod[0] ?? "");
	writeFileSync(join(directory, "pods/deep/pod.yaml"), classAndPod[1] ?? "");
	writeFileSync(join(directory, "pods/values.txt"), "secrets-store: {");
	copyFileSync(join(broken, "10-syntax.yaml"), join(directory, ".hidden/a.yaml"));
	writeFileSync(join(directory, "chart/Chart.yaml"), "name: chart\n");
	writeFileSync(join(directory, "chart/templates/class.yaml"), "{{ if .Values.secretProviderClass }}\n");
	const { findings, summary } = parseReport((await lint(["--json", directory])).stdout);
	t.deepEqual(
		findings.map(({ rule, file }) => [rule, file]),
		[["unknown-class", join(directory, "pods/deep/pod.yaml")]],
	);
	t.like(summary, { files: 3, classes: 1, pods: 1, errors: 1, warnings: 0, policy: false });
});

test("a provider that another program serves is named, and its parameters are its own", async (t) => {
	const foreign = shop("keyvaultName: web", "azure-of-others");
	t.deepEqual(
		(await faultsOfText(foreign)).map(({ rule }) => rule),
		["unknown-provider"],
	);
	t.deepEqual(await faultsOfText(foreign, "--provider-names", "claviger,azure-of-others"), []);
	t.deepEqual(
		(await faultsOfText(good, "--provider-names", "vault")).map(({ rule }) => rule),
		["unknown-provider"],
	);
});

test("the exit code tells clean, faulty and wrongly used apart", async (t) => {
	const warned = join(broken, "04-old-version.yaml");
	for (const [args, code] of [
		[[examples], 0],
		[["--help"], 0],
		[[warned], 0],
		[["--strict", warned], 1],
		[[join(broken, "02-no-provider.yaml")], 1],
		[[], 2],
		[["-", "-"], 2],
		[["--unknown", examples], 2],
		[["--format", "xml", examples], 2],
		[["--json", "--format", "text", examples], 2],
		[["--provider-names", "a/b", examples], 2],
		[[join(folder, "missing.yaml")], 2],
		[[temporaryDirectory(t)], 2],
		[["--policy", join(folder, "missing.yaml"), examples], 2],
		[["--policy", join(broken, "02-no-provider.yaml"), examples], 2],
	] as const) {
		const result = await lint(args);
		t.is(result.code, code, args.join(" "));
		t.is(result.stderr !== "", code === 2, args.join(" "));
	}
});

test("the help tells every rule", async (t) => {
	const { stdout } = await lint(["--help"]);
	for (const id of Object.keys(rules)) t.regex(stdout, new RegExp(`^  ${id} +(?:error|warning) +\\S`, "m"));
});

test("a line of text is a place, a severity, a rule, a cause and a remedy; colours are for terminals", async (t) => {
	const file = join(broken, "03-unknown-provider.yaml");
	const line = `${file}:5:3: error unknown-provider: spec.provider: is "clavigre", which is not served. Write claviger.`;
	const plain = await lint([file]);
	t.true(plain.stdout.startsWith(line), plain.stdout);
	t.regex(plain.stdout, /\n1 error and 0 warnings in 1 file: 1 class, 0 pods with volumes of the driver\.\nWithout --policy/);
	t.false(plain.stdout.includes("\u001B"));
	const coloured = await lint([file], { isTerminal: true });
	t.is(coloured.stdout.includes("\u001B[31merror"), process.env["NO_COLOR"] === undefined);
});

test("GitHub's annotations are escaped as its workflow commands want it", async (t) => {
	const directory = join(temporaryDirectory(t), "50%,a:b");
	mkdirSync(directory);
	copyFileSync(join(broken, "03-unknown-provider.yaml"), join(directory, "a.yaml"));
	const { stdout } = await lint(["--format", "github", directory]);
	const file = join(directory, "a.yaml").replace("%", "%25").replace(":", "%3A").replace(",", "%2C");
	t.true(stdout.startsWith(`::error file=${file},line=5,col=3,title=claviger unknown-provider::spec.provider: is "clavigre"`), stdout);
});

test("control characters of a manifest do not reach the terminal", async (t) => {
	const { stdout } = await lint(["-"], { input: shop('"\\e[2Jx\\n": x', "vault") });
	t.true(stdout.includes("\\u001b[2Jx\\n"), stdout);
	t.false(/[^\P{Cc}\n]/u.test(stdout));
});

test("what looks like a credential is reported and never printed", async (t) => {
	const planted: Readonly<Record<string, string>> = {
		"a Vault token": `hvs.${"CAESIJabc123".repeat(4)}`,
		"an AWS access key": "AKIAIOSFODNN7EXAMPLE",
		"a token (JWT)": `eyJ${"hbGciOi".repeat(3)}.eyJ${"zdWIiOi".repeat(3)}.c2lnbmF0dXJl`,
		"a GitHub token": `ghp_${"a1B2c3D4e5F6".repeat(3)}`,
		"a password in an address": "correcthorsebattery",
	};
	for (const [kind, secret] of Object.entries(planted)) {
		const value = kind.startsWith("a password") ? `https://user:${secret}@vault.example` : secret;
		for (const text of [
			shop(`vaultAddress: ${value}\nobjects: x`, "vault"),
			shop(`objects: |\n  - {name: db, store: vault, path: a, refresh: "${value}"}`),
			shop(`objects: |\n  - name: db\n    store: ["${value}"`),
			shop(`"${value}": x`, "vault") + shop("objects: x").replace("shop", `"${value}"`),
		]) {
			for (const format of ["text", "json", "github"]) {
				const { stdout, stderr } = await lint(["--format", format, "-"], { input: text });
				for (let start = 4; start + 8 <= secret.length; start += 1) {
					t.false((stdout + stderr).includes(secret.slice(start, start + 8)), `${kind} in ${stdout}`);
				}
			}
		}
		const [fault] = (
			await faultsOfText(shop(`roleName: a\nvaultAddress: ${value}\nobjects: "- {objectName: a, secretPath: b}"`, "vault"))
		).filter(({ rule }) => rule === "inline-secret");
		t.is(fault?.cause, `holds what looks like ${kind}`);
	}
});
