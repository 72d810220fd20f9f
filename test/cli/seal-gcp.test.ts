import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { parse } from "yaml";
import { KmsWorld, keyName, logIn } from "../stores/gcp/kms-support.ts";
import { runSeal, seal } from "../support/seal.ts";
import { canary, fails, helps, pod, showsNothing, tellsProblems } from "./seal-support.ts";

const directory = mkdtempSync(join(tmpdir(), "clv-seal-gcp-"));

let world: KmsWorld;
test.before(async () => {
	world = await KmsWorld.start(directory);
});
test.after.always(async () => {
	await world?.site.gcp.stop();
	rmSync(directory, { recursive: true, force: true });
});

test("the entry of each dialect says what its readers need, every text in quotes", async (t) => {
	const args = [...world.usual, "--namespace", "shop", "--service-account", "web", "--object", "tls/yes"];
	const forGcp = await seal(args, canary);
	t.is(forGcp.code, 0, forGcp.stderr);
	t.regex(forGcp.stdout, /^- resourceName: "projects\/my-proj\/[^"]*"\n {2}path: "tls\/yes"\n {2}bind: "object"\n {2}ciphertext: "/);
	const { ciphertext, ...rest } = parse(forGcp.stdout)[0];
	t.deepEqual(rest, { resourceName: keyName, path: "tls/yes", bind: "object" });
	t.regex(ciphertext, /^[A-Za-z0-9+/]+=*$/);
	t.is(forGcp.stderr, `Sealed for the service account shop/web, as "tls/yes", with the key ${keyName}.\n`);

	const native = await seal([...args, "--dialect", "claviger", "--store", "cloud"], canary);
	const { ciphertext: other, ...fields } = parse(native.stdout)[0];
	t.deepEqual(fields, { name: "tls_yes", store: "cloud", path: keyName, object: "tls/yes", bind: "object" });
	t.is(typeof other, "string");
});

test("the entry says how it is bound, unless it is bound as gcloud's usually are", async (t) => {
	const cases: readonly (readonly [args: readonly string[], fields: object, told: RegExp])[] = [
		[[...pod, "--bind", "serviceAccount"], {}, /the service account shop\/web with/],
		[["--namespace", "shop", "--object", "db", "--bind", "namespace"], { bind: "namespace" }, /the namespace shop with/],
		[["--object", "db", "--bind", "none"], { bind: "none" }, /every pod whose identity may use the key/],
		[["--object", "db", "--bind", "none", "--aad", "0644"], { bind: "none", aad: "0644" }, /every pod/],
	];
	for (const [args, expected, told] of cases) {
		const { code, stdout, stderr } = await seal([...world.usual, ...args], "hunter2\n");
		t.is(code, 0, stderr);
		const { ciphertext: _, ...fields } = parse(stdout)[0];
		t.deepEqual(fields, { resourceName: keyName, path: "db", ...expected });
		t.regex(stderr, told);
		t.regex(stderr, /^The value ends with a newline/);
	}
	const named = await seal([`--gcp-key=${keyName}`, ...pod], canary);
	t.is(named.code, 0, named.stderr);
});

test("no command line, right or wrong, shows the value", async (t) => {
	const file = join(directory, "value");
	writeFileSync(file, canary);
	await showsNothing(t, [
		[[...world.usual, ...pod], 0],
		[[...world.usual, ...pod, "--file", file], 0],
		[[...world.usual, ...pod, "--file", `/nowhere/${canary}`], 1],
		[[...world.usual, ...pod, canary], 2],
		[[...world.usual, ...pod, `--value=${canary}`], 2],
		[[...world.usual, ...pod, "--endpoint", `http://${canary}`], 2],
		[[...world.usual, ...pod, "--aad", canary], 2],
		[["gcp", "--key", canary, ...pod], 2],
	]);
});

test("a wrong command line is told by what is wrong with it", async (t) => {
	const key = ["--key", keyName];
	await tellsProblems(t, "gcp", [
		[[], /--key is missing/],
		[["--key", "shop"], /--key names no key\. Write it as projects\/PROJECT/],
		[["--key", `${keyName}/cryptoKeyVersions/1`], /--key names no key/],
		[["--key", `//cloudkms.googleapis.com/${keyName}`], /--key names no key/],
		[["--key", keyName.replace("europe-west3", "evil.example")], /--key names no key/],
		[[...key, "--namespace", "shop", "--service-account", "web"], /--object is missing/],
		[[...key, ...pod.slice(0, -1), "../x"], /--object has an element/],
		[[...key, "--namespace", "shop", "--object", "db"], /--service-account is missing/],
		[[...key, ...pod, "--bind", "none"], /--namespace has no effect/],
		[[...key, ...pod, "--aad", "x"], /--aad goes with --bind none/],
		[[...key, "--object", "db", "--bind", "none", "--aad", "x".repeat(65_537)], /--aad has 65537 bytes; Cloud KMS takes 65536/],
		[
			[...key, "--object", "db", "--bind", "none", "--aad", "ns=shop,sa=web"],
			/--aad begins with ns=, as only the additional data of bound/,
		],
		[[...key, ...pod, "--dialect", "azure"], /--dialect is none of gcp, claviger/],
		[[...key, ...pod, "--endpoint", "http://kms.example"], /http:\/\/ is for this machine only/],
		[[...key, ...pod, "hunter2"], /never belongs on the command line/],
	]);
	await helps(t, [[["gcp", "--help"], /Usage: claviger seal gcp/]]);
});

test.serial("what Google refuses is told with a remedy, and nothing is printed", async (t) => {
	const { site } = world;
	const { gcp } = site;
	const disabled = keyName.replace(/app$/, "disabled");
	gcp.keys.add(disabled);
	gcp.keys.setState(disabled, 1, "DISABLED");
	const [powerless, garbage, revoked] = ["powerless", "garbage", "revoked"].map((name) => join(directory, `${name}.json`));
	writeFileSync(powerless ?? "", gcp.accounts.createKey(gcp.accounts.add("powerless")));
	writeFileSync(garbage ?? "", "no JSON");
	const email = gcp.accounts.add("revoked");
	writeFileSync(revoked ?? "", gcp.accounts.createKey(email));
	gcp.accounts.deleteKeys(email);
	const altered = (alter: (body: object) => object) => () => gcp.faults.add({ kind: "alter", alter }, { operation: "kms.encrypt" });
	const nothing = () => () => {};
	const cases: readonly (readonly [key: string, begin: () => () => void, told: RegExp, file?: string | undefined])[] = [
		[keyName.replace(/app$/, "none"), nothing, /There is no such key \(key .*none; status 404\)/],
		[disabled, nothing, /the key is disabled or not symmetric.*status 400/],
		[keyName, nothing, /Your Google identity may not encrypt with the key.*status 403.*cryptoKeyEncrypter/, powerless],
		[keyName, nothing, /The file of your Google credentials cannot be used/, garbage],
		[keyName, nothing, /Your Google credentials are not valid, or have expired/, revoked],
		[keyName, nothing, /The file of your Google credentials cannot be used/, "/nonexistent"],
		[keyName, altered((body) => ({ ...body, verifiedPlaintextCrc32c: false })), /lacks what was asked for, or was damaged/],
		[keyName, altered((body) => ({ ...body, verifiedAdditionalAuthenticatedDataCrc32c: undefined })), /damaged on its way/],
		[keyName, altered((body) => ({ ...body, ciphertextCrc32c: "7" })), /damaged on its way/],
		[keyName, altered(() => ({})), /lacks what was asked for/],
	];
	for (const [key, begin, told, file] of cases) {
		const end = begin();
		logIn(site, file === undefined ? world.credentials : { GOOGLE_APPLICATION_CREDENTIALS: file });
		await fails(t, ["gcp", "--key", key, ...pod], told);
		logIn(site, world.credentials);
		end();
	}
	await fails(t, [...world.usual, ...pod, "--endpoint", "http://127.0.0.1:9"], /Cloud KMS gave no answer .*Check the network/);
	const tooLong = /The value has 65537 bytes; Cloud KMS encrypts 65536 at most/;
	await fails(t, [...world.usual, ...pod], tooLong, Buffer.alloc(65_537));
});

test("the program seals from a shell, and says so where there are no credentials", async (t) => {
	const environment = { ...world.site.gcp.environment, METADATA_SERVER_DETECTION: "none", CLOUDSDK_CONFIG: "/nonexistent" };
	const sealed = await runSeal([...world.usual, ...pod], canary, { ...environment, ...world.credentials });
	t.is(sealed.code, 0, sealed.stderr);
	t.is(parse(sealed.stdout)[0].resourceName, keyName);
	const refused = await runSeal([...world.usual, ...pod], canary, environment);
	t.is(refused.code, 1);
	t.is(refused.stdout, "");
	t.regex(refused.stderr, /There are no Google credentials here .*gcloud auth application-default login/);
});
