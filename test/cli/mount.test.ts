import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import test from "ava";
import { makePod } from "../support/pods.ts";
import { createTokenIssuer } from "../support/token-issuer.ts";
import { claviger, manifest, podManifest, stage, without } from "./mount-support.ts";
import { startProviderDouble } from "./provider-double.ts";

test("sends the request as it reaches a provider through kubelet and driver", async (t) => {
	const { provider, directory, target, args } = await stage(t);
	const issuer = await createTokenIssuer();
	const token = await issuer.token(makePod({ uid: "4f0b" }), { audience: "vault", lifetime: 600 });
	writeFileSync(join(directory, "token"), `${token}\n`);
	writeFileSync(join(directory, "secrets.json"), '{"b": "2", "a": "1"}');
	const extra = ["--token", `vault=${join(directory, "token")}`, "--token", "claviger=-"];
	const result = await claviger([...args, ...extra, "--secrets-file", join(directory, "secrets.json"), "--permission", "0400"], "opaque\n");
	t.is(result.code, 0, result.stderr);
	const [request] = provider.requests;
	t.is(request?.permission, "256");
	t.is(request?.targetPath, target);
	t.deepEqual(request?.currentObjectVersion, []);
	t.is(request?.secrets, '{"a":"1","b":"2"}');
	const attributes = JSON.parse(request?.attributes ?? "") as Record<string, string>;
	const { "csi.storage.k8s.io/serviceAccount.tokens": tokens, ...rest } = attributes;
	t.deepEqual(rest, {
		"csi.storage.k8s.io/ephemeral": "true",
		"csi.storage.k8s.io/pod.name": "web-0",
		"csi.storage.k8s.io/pod.namespace": "shop",
		"csi.storage.k8s.io/pod.uid": "4f0b",
		"csi.storage.k8s.io/serviceAccount.name": "web",
		note: "from the pod",
		objects: "- {name: a}\n",
		secretProviderClass: "shop",
	});
	t.deepEqual(Object.keys(attributes), Object.keys(attributes).toSorted());
	const byAudience = JSON.parse(tokens ?? "") as Record<string, { token: string; expirationTimestamp: string }>;
	t.deepEqual(Object.keys(byAudience), ["claviger", "vault"]);
	t.is(byAudience["vault"]?.token, token);
	t.true(Math.abs(Date.parse(byAudience["vault"]?.expirationTimestamp ?? "") - Date.now() - 600_000) < 30_000);
	t.is(byAudience["claviger"]?.token, "opaque");
});

test("escapes JSON as Go does, and says null without nodePublishSecretRef", async (t) => {
	const { provider, args } = await stage(t);
	const options = [...without(args, "--pod-file"), "--name", "shop", "--namespace", "shop", "--pod", "p"];
	t.is((await claviger(options)).code, 0);
	const [request] = provider.requests;
	t.true(request?.attributes.includes(String.raw`"note":"\u003cb\u003e \u0026 c"`), request?.attributes);
	t.true(request?.attributes.includes('"csi.storage.k8s.io/serviceAccount.name":"default"'));
	t.false(request?.attributes.includes("serviceAccount.tokens"));
	t.is(request?.secrets, "null");
});

test("the class's provider names the socket in a directory", async (t) => {
	const { args } = await stage(t);
	const vault = await startProviderDouble(t, "vault");
	const base = without(without(args, "--pod-file"), "--socket");
	const options = [...base, "--namespace", "shop", "--pod", "p", "--socket-dir", vault.directory];
	t.is((await claviger([...options, "--name", "other"])).code, 0);
	t.is(vault.requests.length, 1);
	const missing = await claviger([...options, "--name", "shop"]);
	t.is(missing.code, 1);
	t.regex(missing.stderr, /There is no socket .*claviger\.sock\. Start the provider/);
});

test("writes the files and tells what changed, never a value", async (t) => {
	const { provider, target, args } = await stage(t);
	provider.answer = { files: { a: "canary-1", "d/b": "canary-2" }, versions: { a: "v1", db: "v7" }, mode: 0o440 };
	const first = await claviger(args);
	t.is(first.code, 0, first.stderr);
	t.regex(first.stdout, /^PATH +MODE +SIZE +CHANGE\na +0440 +8 +new\nd\/b +0440 +8 +new\n\nOBJECT +VERSION\na +v1\ndb +v7\n$/);
	t.regex(first.stderr, /on a disk/);
	provider.answer = { files: { a: "canary-1", c: "canary-3" }, versions: { a: "v1" }, mode: 0o400 };
	const second = await claviger([...args, "--json"]);
	t.deepEqual(JSON.parse(second.stdout), {
		directory: target,
		medium: "disk",
		files: [
			{ path: "a", change: "same", mode: "0400", size: 8, version: "v1" },
			{ path: "c", change: "new", mode: "0400", size: 8 },
			{ path: "d/b", change: "removed" },
		],
		versions: { a: "v1" },
	});
	t.is(readFileSync(join(target, "a"), "utf8"), "canary-1");
	provider.answer = { files: { a: "canary-1", c: "canary-3" }, versions: { a: "v1" }, mode: 0o600 };
	const third = await claviger(args);
	t.regex(third.stdout, /a keeps mode 0400; 0600 waits for its next change/);
	for (const { stdout, stderr } of [first, second, third]) t.false(`${stdout}${stderr}`.includes("canary"));
});

test("a first mount that fails leaves no trace, a later one leaves the files", async (t) => {
	const { provider, target, args } = await stage(t);
	const refusal = { code: status.PERMISSION_DENIED, text: 'objects[0]: not yours\nAsk "web".\u001b[31m', errorCode: "refused" };
	provider.answer = refusal;
	const first = await claviger(args);
	t.is(first.code, 1);
	t.is(first.stdout, "");
	t.is(
		first.stderr,
		'claviger mount: the provider did not mount (PERMISSION_DENIED, refused):\n  objects[0]: not yours\n  Ask "web".\\u001b[31m\n',
	);
	t.false(existsSync(target));
	provider.answer = { files: { a: "1" }, versions: { a: "v1" } };
	t.is((await claviger(args)).code, 0);
	provider.answer = refusal;
	const later = await claviger([...args, "--json"]);
	t.is(later.code, 1);
	t.deepEqual(JSON.parse(later.stdout), { error: { status: "PERMISSION_DENIED", code: "refused", text: refusal.text } });
	t.is(readFileSync(join(target, "a"), "utf8"), "1");
});

test("answers that the driver refuses change nothing", async (t) => {
	const versions = { a: "v1" };
	for (const [answer, message] of [
		[{ providerError: "NotAllowed" }, /mount request failed with provider error code NotAllowed/],
		[{ files: { a: "2" }, versions: {} }, /missing object versions/],
		...["/abs", "../x", "..x", "a/../b", "a//b", "./a", "a/", ".", "", "x".repeat(256), `${"y/".repeat(2048)}z`].map(
			(path) => [{ files: { [path]: "2" }, versions }, /The file path/] as const,
		),
		[{ files: { c: "2", "c/d": "2" }, versions }, /c/],
	] as const) {
		const { provider, target, args } = await stage(t);
		t.is((await claviger(args)).code, 0);
		provider.answer = answer;
		const result = await claviger(args);
		t.is(result.code, 1, JSON.stringify(answer));
		t.regex(result.stderr, message);
		t.is(readFileSync(join(target, "a"), "utf8"), "1");
	}
});

test("an answer without files writes nothing and removes nothing", async (t) => {
	const { provider, target, args } = await stage(t);
	t.is((await claviger(args)).code, 0);
	provider.answer = { files: {}, versions: { a: "v2" } };
	const result = await claviger(args);
	t.is(result.code, 0);
	t.regex(result.stdout, /no files: nothing is written/);
	t.is(readFileSync(join(target, "a"), "utf8"), "1");
});

test("a provider that is silent ends with the timeout, one that is gone after three attempts", async (t) => {
	const { provider, args, target } = await stage(t);
	provider.answer = "silence";
	const silent = await claviger([...args, "--timeout", "300ms"]);
	t.is(silent.code, 1);
	t.regex(silent.stderr, /DEADLINE_EXCEEDED/);
	provider.answer = { code: status.UNAVAILABLE, text: "restarting" };
	const before = provider.requests.length;
	const gone = await claviger(args);
	t.regex(gone.stderr, /UNAVAILABLE.*restarting/s);
	t.is(provider.requests.length - before, 3);
	t.false(existsSync(target));
});

test("an answer above the driver's receive limit fails", async (t) => {
	const { provider, args } = await stage(t);
	provider.answer = { files: { a: "x".repeat(4 * 1024 * 1024) }, versions: { a: "v1" } };
	const result = await claviger(args);
	t.is(result.code, 1);
	t.regex(result.stderr, /RESOURCE_EXHAUSTED/);
});

test("wrong usage exits with 2 and shows the help", async (t) => {
	const base = ["--spc", "x", "--target", "y", "--socket", "z"];
	for (const [args, problem] of [
		[[], /--target is missing/],
		[["--target", "y"], /--spc is missing/],
		[["--spc", "x", "--target", "y"], /--socket/],
		[[...base, "--socket-dir", "d"], /--socket-dir/],
		[[...base, "--colour"], /--colour/],
		[[...base, "stray"], /stray/],
		[[...base, "--permission", "0888"], /--permission is not a file mode/],
		[[...base, "--timeout", "soon"], /--timeout is not a duration/],
		[[...base, "--timeout", "0s"], /--timeout is not a duration/],
		[[...base, "--token", "eyJhbGciOi"], /AUDIENCE=FILE/],
		[[...base, "--token", "a=f", "--token", "a=g"], /twice/],
		[[...base, "--token", "a=-", "--token", "b=-"], /once only/],
	] as const) {
		const result = await claviger(args);
		t.is(result.code, 2, args.join(" "));
		t.regex(result.stderr, problem);
		t.regex(result.stderr, /Usage: claviger mount/);
		t.is(result.stdout, "");
	}
	const help = await claviger(["--help"]);
	t.deepEqual([help.code, help.stderr], [0, ""]);
	t.regex(help.stdout, /Usage: claviger mount/);
});

test("manifests that cannot be mounted say what is wrong and how to mend it", async (t) => {
	const spc = (body: string) => `kind: SecretProviderClass\nmetadata: {name: s}\n${body}`;
	for (const [classText, podText, message] of [
		[manifest, undefined, /holds 2 SecretProviderClasses: shop, other\. Choose one with --name/],
		["kind: Pod\n", undefined, /holds no SecretProviderClass/],
		["a: [", undefined, /is not YAML that can be read/],
		[aliasBomb, undefined, /is not YAML that can be read: Excessive alias count/],
		[spc("spec: {provider: p}\n"), undefined, /spec\.parameters is not set/],
		[spc("spec: {parameters: {a: b}}\n"), undefined, /spec\.provider is not set/],
		[spc("spec: {provider: ../x, parameters: {a: b}}\n"), undefined, /spec\.provider is not a provider name/],
		[spc("spec: {provider: p, parameters: {a: true, b: 1}}\n"), undefined, /spec\.parameters\.a .*quotes.*spec\.parameters\.b/],
		[manifest, "kind: Secret\n", /holds no Pod/],
		[manifest, podManifest.replaceAll("secrets-store.csi", "other"), /has 0 volumes/],
		[manifest, podManifest.replace("Class: shop", "Class: gone"), /no SecretProviderClass "gone"\. It holds shop, other/],
		[manifest, podManifest.replace("namespace: shop, ", ""), /The pod has no namespace/],
	] as const) {
		const { provider, directory, args } = await stage(t);
		writeFileSync(join(directory, "class.yaml"), classText);
		if (podText !== undefined) writeFileSync(join(directory, "pod.yaml"), podText);
		const identity = ["--namespace", "n", "--pod", "p"];
		const result = await claviger(podText === undefined ? [...without(args, "--pod-file"), ...identity] : args);
		t.is(result.code, 1, String(message));
		t.regex(result.stderr, message);
		t.is(provider.requests.length, 0);
	}
});

/** Nine levels of nine references each. */
const aliasBomb = Array.from({ length: 9 }, (_, level) => {
	const entries = level === 0 ? "x" : `*a${level - 1}`;
	return `a${level}: &a${level} [${Array(9).fill(entries).join(", ")}]\n`;
}).join("");

test("a List and one class among several documents are found", async (t) => {
	const { provider, directory, args } = await stage(t);
	const items = "  - {kind: SecretProviderClass, metadata: {name: shop}, spec: {provider: claviger, parameters: {k: v}}}\n";
	writeFileSync(join(directory, "class.yaml"), `kind: SecretProviderClassList\nitems:\n${items}`);
	t.is((await claviger(args)).code, 0);
	t.true(provider.requests[0]?.attributes.includes('"k":"v"'));
});

test("no message quotes a secret or a token", async (t) => {
	const { directory, args } = await stage(t);
	const secrets = join(directory, "secrets.json");
	for (const content of ['{"a": canary}', '["canary"]', '{"a": {"b": "canary"}}', "null"]) {
		writeFileSync(secrets, content);
		const result = await claviger([...args, "--secrets-file", secrets]);
		t.is(result.code, 1, content);
		t.regex(result.stderr, /secrets\.json is not a JSON object of texts/);
		t.false(result.stderr.includes("canary"));
	}
	const empty = await claviger([...args, "--token", "vault=-"], "\n");
	t.regex(empty.stderr, /The token for "vault" in - is empty/);
	const absent = await claviger([...args, "--token", `vault=${join(directory, "absent")}`]);
	t.regex(absent.stderr, /ENOENT.*absent/);
});
