import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import test from "ava";
import { parse } from "yaml";
import { type AwsServers, startAws } from "../servers/aws/aws.ts";
import { logIn, noFiles } from "../stores/aws/kms-support.ts";
import { runSeal, seal } from "../support/seal.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { canary, fails, helps, pod, showsNothing, tellsProblems } from "./seal-support.ts";

const region = "eu-west-1";
const anyKey = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

let aws: AwsServers;
let keyId: string;
test.before(async () => {
	aws = await startAws(undefined);
	keyId = await aws.createKey({ region, alias: "alias/shop" });
	logIn(aws.operator);
});
test.after.always(() => aws.stop());

const here = () => ["--key-id", keyId, "--endpoint", aws.endpoints.kms];

test("the entry of each dialect says what its readers need, every text in quotes", async (t) => {
	const object = ["--namespace", "shop", "--service-account", "web", "--object", "shop/yes", "--context", "on=0644"];
	const forAws = await seal(["kms", ...here(), ...object], canary);
	t.is(forAws.code, 0, forAws.stderr);
	const { ciphertext, ...rest } = parse(forAws.stdout)[0];
	t.deepEqual(rest, { objectName: "shop/yes", objectType: "kms", keyId, context: { on: "0644" } });
	t.regex(ciphertext, /^[A-Za-z0-9+/]+=*$/);
	t.regex(forAws.stdout, /^- objectName: "shop\/yes"\n {2}objectType: "kms"\n/);
	t.regex(forAws.stdout, /\n {4}"on": "0644"\n$/);

	const native = await seal(["--kms", ...here(), ...object, "--dialect", "claviger", "--store", "cloud"], Buffer.alloc(5000));
	t.is(native.code, 0, native.stderr);
	const { envelope, ...others } = parse(native.stdout)[0];
	t.deepEqual(others, { name: "shop_yes", store: "cloud", service: "kms", path: "shop/yes", keyId, context: { on: "0644" } });
	t.deepEqual(Object.keys(envelope), ["dataKey", "iv", "data", "tag"]);
	t.is(Buffer.from(envelope.data, "base64").length, 5000);
});

test("the key is printed by its ARN, whatever it was called, since an alias can be moved", async (t) => {
	for (const name of ["alias/shop", keyId.replace(/key\/.*/, "alias/shop"), keyId.replace(/.*\//, "")]) {
		const args = ["kms", "--key-id", name, "--endpoint", aws.endpoints.kms, ...pod, "--region", region];
		const { code, stdout, stderr } = await seal(args, "hunter2");
		t.is(code, 0, stderr);
		t.is(parse(stdout)[0].keyId, keyId);
	}
});

test("what was sealed for whom is told, and a newline that was sealed by accident", async (t) => {
	const told = await seal(["kms", ...here(), ...pod], "hunter2\n");
	t.regex(told.stderr, /^The value ends with a newline, which is sealed too; --trim-newline drops it\.\n/);
	t.regex(
		told.stderr,
		/Sealed for the service account shop\/web, in the context csi:v=1, csi:ns=shop, csi:sa=web, csi:object=db, with the key/,
	);
	const trimmed = await seal(["kms", ...here(), ...pod, "--trim-newline"], "hunter2\r\n");
	t.notRegex(trimmed.stderr, /newline/);
	const unbound = await seal(["kms", ...here(), "--object", "db", "--bind", "none"], "hunter2");
	t.regex(unbound.stderr, /every pod whose role may use the key, where the administrator allows it/);
	t.is(parse(unbound.stdout)[0].bind, "none");
});

test("no command line, right or wrong, shows the value", async (t) => {
	const file = join(temporaryDirectory(t), "value");
	writeFileSync(file, canary);
	await showsNothing(t, [
		[["kms", ...here(), ...pod], 0],
		[["kms", ...here(), ...pod, "--file", file], 0],
		[["kms", ...here(), ...pod, "--file", `/nowhere/${canary}`], 1],
		[["kms", ...here(), ...pod, canary], 2],
		[["kms", ...here(), ...pod, `--value=${canary}`], 2],
		[["kms", ...here(), ...pod, `--trim-newline=${canary}`], 2],
		[["kms", ...here(), ...pod, "--context", canary], 2],
		[["kms", ...here(), ...pod, "--context", `csi:ns=${canary}`], 2],
		[["kms", ...here(), ...pod, "--dialect", canary], 2],
		[["kms", ...here(), ...pod, "--endpoint", `http://${canary}`], 2],
		[["kms", "--key-id", canary, ...pod], 2],
		[[canary, ...pod], 2],
	]);
	const long = await seal(["kms", ...here(), ...pod], canary.repeat(1000));
	t.is(long.code, 0);
	t.false((long.stdout + long.stderr).includes(canary));
});

test("a wrong command line is told by what is wrong with it", async (t) => {
	const key = ["--key-id", anyKey];
	await tellsProblems(t, "kms", [
		[[], /--key-id is missing/],
		[["--key-id", "shop", ...pod], /--key-id names no key/],
		[[...key, ...pod, "--region", "us-east-1"], /--region is us-east-1, and the key is one of eu-west-1/],
		[[...key, ...pod, "--region", "evil.example/"], /--region is no region/],
		[[...key, "--namespace", "shop", "--service-account", "web"], /--object is missing/],
		[[...key, "--service-account", "web", "--object", "db"], /--namespace is missing/],
		[[...key, "--namespace", "shop", "--object", "db"], /--service-account is missing/],
		[[...key, "--namespace", "Shop", "--service-account", "web", "--object", "db"], /--namespace is not a Kubernetes namespace/],
		[[...key, "--namespace", "shop", "--service-account", "*", "--object", "db"], /--service-account is not one service account/],
		[[...key, ...pod, "--bind", "namespace"], /--service-account has no effect with this --bind/],
		[[...key, "--namespace", "shop", "--object", "db", "--bind", "none"], /--namespace has no effect/],
		[[...key, ...pod, "--bind", "pod"], /--bind is none of serviceAccount, namespace, none/],
		[[...key, ...pod, "--context", "app"], /--context is written KEY=VALUE/],
		[[...key, ...pod, "--context", "a=1", "--context", "a=2"], /is given twice/],
		[[...key, ...pod, "--context", "csi:sa=web"], /only Claviger sets/],
		[[...key, ...pod, "--context", `a=${"x".repeat(9000)}`], /8192 are allowed/],
		[[...key, ...pod, "--object", "other"], /The option --object is given twice/],
		[[...key, ...pod, "--store", "cloud"], /--store goes with --dialect claviger/],
		[[...key, ...pod, "--endpoint", "http://kms.example"], /http:\/\/ is for this machine only/],
		[[...key, ...pod, "--endpoint", "kms.example"], /--endpoint is no https:\/\/ address/],
		[[...key, ...pod, "--file"], /The option --file lacks its value/],
		[[...key, ...pod, "--plain"], /The option --plain is not known/],
		[[...key, ...pod, "hunter2"], /never belongs on the command line/],
	]);
	await tellsProblems(t, undefined, [
		[["age"], /names no way to seal/],
		[[], /Usage: claviger seal KIND/],
	]);
	const usage = /Usage: claviger seal/;
	await helps(t, [
		[["--help"], usage],
		[["kms", "--help"], usage],
		[["--kms", "-h"], usage],
	]);
});

test.serial("what KMS refuses is told with a remedy, and nothing is printed", async (t) => {
	const powerless = aws.roleArn("powerless");
	aws.permit(powerless, { allow: [] });
	const disabled = await aws.createKey({ region });
	await aws.setKeyState(disabled, "Disabled");
	const session = aws.session(powerless);
	const endpoint = ["--endpoint", aws.endpoints.kms];
	const cases: readonly (readonly [args: readonly string[], told: RegExp, session?: typeof session])[] = [
		[["--key-id", disabled, ...endpoint], /The key is disabled \(key .*; DisabledException\)\. Enable it/],
		[["--key-id", "alias/none", "--region", region, ...endpoint], /There is no such key \(key alias\/none; NotFoundException\)/],
		[["--key-id", "alias/shop", ...endpoint], /No region is known \(key alias\/shop\)\. Give --region/],
		[["--key-id", keyId, "--endpoint", "http://127.0.0.1:9"], /KMS gave no answer .*Check the network/],
		[["--key-id", keyId, ...endpoint], /Your AWS identity may not encrypt with the key .*AccessDeniedException/, session],
	];
	for (const [args, told, as] of cases) {
		logIn(as ?? aws.operator);
		await fails(t, ["kms", ...args, ...pod], told);
		logIn(aws.operator);
	}
	logIn({ accessKeyId: "AKIANOBODY", secretAccessKey: "wrong" });
	await fails(t, ["kms", ...here(), ...pod], /Your AWS credentials are not valid, or have expired/);
	logIn(aws.operator);
});

test("a value too long for a manifest, and one that somebody would have to type, are refused", async (t) => {
	const args = ["kms", ...here(), ...pod];
	await fails(t, args, /The value is longer than 163840 bytes/, Buffer.alloc(160 * 1024 + 1));
	const terminal = Object.assign(Readable.from([]), { isTTY: true });
	await fails(t, args, /typed in the clear\. Pipe it in, or use --file/, terminal);
});

test("the program seals from a shell, and says so where there are no credentials", async (t) => {
	const { accessKeyId, secretAccessKey } = aws.operator;
	const args = ["--kms", ...here(), ...pod];
	const sealed = await runSeal(args, canary, { ...noFiles, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey });
	t.is(sealed.code, 0, sealed.stderr);
	t.is(parse(sealed.stdout)[0].keyId, keyId);
	const refused = await runSeal(args, canary, noFiles);
	t.is(refused.code, 1);
	t.is(refused.stdout, "");
	t.regex(refused.stderr, /There are no AWS credentials here .*AWS_PROFILE/);
});
