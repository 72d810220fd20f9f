import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { parse } from "yaml";
import { vault } from "../stores/azure/harness.ts";
import { credentials, KmsWorld, keyName, logIn } from "../stores/azure/kms-support.ts";
import { runSeal, seal } from "../support/seal.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { canary, fails, helps, pod, showsNothing, tellsProblems } from "./seal-support.ts";

const anyKey = "https://kv-main.vault.azure.net/keys/shop";

let world: KmsWorld;
test.before(async () => {
	world = await KmsWorld.start();
});
test.after.always(() => world?.azure.stop());

function headerOf(ciphertext: string): object {
	return JSON.parse(Buffer.from(ciphertext.split(".")[0] ?? "", "base64url").toString());
}

test("the entry of each dialect says what its readers need, every text in quotes", async (t) => {
	const args = [...world.usual, "--namespace", "shop", "--service-account", "web", "--object", "tls/yes"];
	const forAzure = await seal(args, canary);
	t.is(forAzure.code, 0, forAzure.stderr);
	t.regex(forAzure.stdout, /^- \|\n {2}objectName: "shop-key"\n {2}objectType: "decrypt"\n/);
	const { ciphertext, ...rest } = parse(parse(forAzure.stdout)[0]);
	t.deepEqual(rest, { objectName: keyName, objectType: "decrypt", objectVersion: world.key.version, objectAlias: "tls/yes" });
	t.deepEqual(headerOf(ciphertext), { alg: "RSA-OAEP-256", enc: "A256GCM", aud: "shop/web", sub: "tls/yes" });
	t.is(
		forAzure.stderr,
		`Sealed for the service account shop/web, as "tls/yes", with the key https://kv-main.vault.azure.net/keys/shop-key/${world.key.version}.\n`,
	);

	const native = await seal([...args, "--dialect", "claviger", "--store", "cloud"], canary);
	const { ciphertext: other, ...fields } = parse(native.stdout)[0];
	t.deepEqual(fields, { name: "tls_yes", store: "cloud", path: keyName, version: world.key.version, object: "tls/yes" });
	t.is(other.split(".").length, 5);
});

test("the header says as much of whose the value is as was asked for", async (t) => {
	const cases: readonly (readonly [args: readonly string[], bound: object, told: RegExp])[] = [
		[[...pod, "--bind", "serviceAccount"], { aud: "shop/web" }, /the service account shop\/web with/],
		[["--namespace", "shop", "--object", "db", "--bind", "namespace"], { aud: "shop/*" }, /the namespace shop with/],
		[["--object", "db", "--bind", "none"], {}, /every pod whose identity may use the key, where the administrator allows it/],
	];
	for (const [args, bound, told] of cases) {
		const { code, stdout, stderr } = await seal([...world.usual, ...args], "hunter2\n");
		t.is(code, 0, stderr);
		t.deepEqual(headerOf(parse(parse(stdout)[0]).ciphertext), { alg: "RSA-OAEP-256", enc: "A256GCM", ...bound });
		t.regex(stderr, told);
		t.regex(stderr, /^The value ends with a newline/);
	}
});

test("the key may be named behind --azure-key, and by its version", async (t) => {
	const key = `${world.azure.vaultUrl(vault)}/keys/rotated`;
	const { version: first } = await world.azure.vaults.putKey(vault, "rotated");
	const { version: second } = await world.azure.vaults.putKey(vault, "rotated");
	for (const [args, version] of [
		[["--azure-key", key], second],
		[[`--azure-key=${key}/${first}`], first],
		[["azure", "--key", `${key}/`], second],
	] as const) {
		const { code, stdout, stderr } = await seal([...args, ...pod, "--dialect", "claviger"], canary);
		t.is(code, 0, stderr);
		t.is(parse(stdout)[0].version, version);
	}
});

test("no command line, right or wrong, shows the value", async (t) => {
	const file = join(temporaryDirectory(t), "value");
	writeFileSync(file, canary);
	await showsNothing(t, [
		[[...world.usual, ...pod], 0],
		[[...world.usual, ...pod, "--file", file], 0],
		[[...world.usual, ...pod, "--file", `/nowhere/${canary}`], 1],
		[[...world.usual, ...pod, canary], 2],
		[[...world.usual, ...pod, `--value=${canary}`], 2],
		[[...world.usual, ...pod, "--bind", canary], 2],
		[["azure", "--key", canary, ...pod], 2],
		[[`--azure-key=${canary}`, ...pod], 2],
	]);
});

test("a wrong command line is told by what is wrong with it", async (t) => {
	const key = ["--key", anyKey];
	await tellsProblems(t, "azure", [
		[[], /--key is missing/],
		[["--key", "shop"], /--key names no key\. Write its identifier/],
		[["--key", "http://kv-main.vault.azure.net/keys/shop"], /--key names no key/],
		[["--key", "https://kv-main.vault.azure.net/secrets/shop"], /--key names no key/],
		[["--key", `${anyKey}/latest`], /--key names no key/],
		[["--key", "https://user@kv-main.vault.azure.net/keys/shop"], /--key names no key/],
		[[...key, "--namespace", "shop", "--service-account", "web"], /--object is missing/],
		[[...key, ...pod.slice(0, -1), "/etc/passwd"], /--object is absolute/],
		[[...key, ...pod.slice(0, -1), "a/../b"], /--object has an element that starts with `\.\.`/],
		[[...key, "--service-account", "web", "--object", "db"], /--namespace is missing/],
		[[...key, "--namespace", "Shop", "--service-account", "web", "--object", "db"], /--namespace is not a Kubernetes namespace/],
		[[...key, "--namespace", "shop", "--object", "db"], /--service-account is missing/],
		[[...key, "--namespace", "shop", "--service-account", "*", "--object", "db"], /is not one service account/],
		[[...key, ...pod, "--bind", "namespace"], /--service-account has no effect with this --bind/],
		[[...key, ...pod, "--bind", "pod"], /--bind is none of object, serviceAccount, namespace, none/],
		[[...key, ...pod, "--dialect", "aws"], /--dialect is none of azure, claviger/],
		[[...key, ...pod, "--store", "main"], /--store goes with --dialect claviger/],
		[[...key, ...pod, "--object", "other"], /The option --object is given twice/],
		[[...key, ...pod, "hunter2"], /never belongs on the command line/],
	]);
	await helps(t, [[["azure", "--help"], /Usage: claviger seal azure/]]);
});

test.serial("what Azure refuses is told with a remedy, and nothing is printed", async (t) => {
	const { azure } = world;
	const { vaults } = azure;
	await vaults.putKey(vault, "disabled", { enabled: false });
	await vaults.putKey(vault, "expired", { expires: new Date(Date.now() - 60_000) });
	await vaults.putKey(vault, "curve", { type: "EC" });
	await vaults.putKey(vault, "signing", { operations: ["sign", "verify"] });
	const at = (name: string) => `${azure.vaultUrl(vault)}/keys/${name}`;
	const nobody = () => {
		vaults.allow("operator", vault, {});
		return () => vaults.allow("operator", vault, { keys: ["get"] });
	};
	const wrongSecret = () => {
		logIn(azure, "wrong");
		return () => logIn(azure);
	};
	const nothing = () => () => {};
	const cases: readonly (readonly [key: string, begin: () => () => void, told: RegExp])[] = [
		[at("none"), nothing, /There is no such key \(key .*\/keys\/none; status 404\)\. Check --key/],
		[at("expired"), nothing, /The key has expired \(key .*\)\. Use a newer version/],
		[at("curve"), nothing, /The key is not an RSA key .*Use one of type RSA/],
		[at("signing"), nothing, /The key is not one that unwraps keys/],
		[at("disabled"), nothing, /or the key is disabled, .*status 403/],
		[at(keyName), nobody, /Your Azure identity may not get the key, .*status 403/],
		[at(keyName), wrongSecret, /Your Azure credentials are not valid, or have expired .*az login/],
		["https://127.0.0.1:9/keys/shop", nothing, /Key Vault gave no answer .*Check the vault's name/],
	];
	for (const [key, begin, told] of cases) {
		const end = begin();
		t.notRegex(await fails(t, ["azure", "--key", key, ...pod], told), /AADSTS|operators-secret/);
		end();
	}
});

test("the program seals from a shell, and says so where there are no credentials", async (t) => {
	const { azure } = world;
	const environment = { ...azure.environment, NODE_EXTRA_CA_CERTS: azure.caFile };
	const sealed = await runSeal([...world.usual, ...pod], canary, { ...environment, ...credentials() });
	t.is(sealed.code, 0, sealed.stderr);
	t.is(parse(parse(sealed.stdout)[0]).objectVersion, world.key.version);
	const refused = await runSeal([...world.usual, ...pod], canary, environment);
	t.is(refused.code, 1);
	t.is(refused.stdout, "");
	t.regex(refused.stderr, /There are no Azure credentials here .*Log in with az login/);
});
