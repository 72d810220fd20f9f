import { X509Certificate } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { ProviderError } from "../../../provider/errors.ts";
import { module } from "../../../provider/stores/vault/index.ts";
import { enableJwt, enableKv, enablePki, startVault, type VaultServer, writeJwtRole, writePolicy } from "../../servers/vault/vault.ts";
import { makePod } from "../../support/pods.ts";
import { createTokenIssuer, type TokenIssuer } from "../../support/token-issuer.ts";
import { fieldsOf, Harness, type Mounted, makeDialect, makeRequest } from "./harness.ts";

const account = { namespace: "test", serviceAccount: "nginx-kv" };
const pod = makePod(account);
let vault: VaultServer;
let issuer: TokenIssuer;

test.before(async () => {
	[vault, issuer] = await Promise.all([startVault(undefined), createTokenIssuer()]);
	await enableKv(vault, "secret", 2);
	await enableKv(vault, "kv1", 1);
	await enablePki(vault);
	await enableJwt(vault, issuer);
	await writePolicy(vault, "kv", {
		"secret/*": ["read", "list"],
		"kv1/*": ["read", "list"],
		"pki/issue/web": ["create", "update"],
		"cubbyhole/*": ["create", "update", "read"],
		"identity/*": ["read"],
	});
	await writeJwtRole(vault, { name: "kv-role", policies: ["kv"], account });
	await writeJwtRole(vault, { name: "powerless", policies: [], account });
	const secrets: Readonly<Record<string, object>> = {
		app: { user: "u", pass: "p", port: 5432, a: { y: 1, x: [true, null] }, h: "<b>", k: "AQID", bad: "AQI", empty: "", nil: null },
		"listed/one": {},
		"listed/two": {},
		digits: { big: 9007199254740991, float: 1.5, "a.b": "dotted", data: "named data" },
	};
	for (const [name, data] of Object.entries(secrets)) await vault.api("POST", `secret/data/${name}`, { data });
	await vault.api("POST", "kv1/app", { user: "u1", data: "named data" });
	await vault.api("POST", "kv1/nested", { data: { user: "inner" }, other: "outer" });
});
test.after.always(() => vault?.stop());

interface MountOptions {
	readonly objects: string;
	readonly role?: string;
	readonly parameters?: Readonly<Record<string, string>>;
	readonly harness?: Harness;
	readonly defaultMode?: number;
	readonly token?: string;
	readonly dialect?: string;
}

async function mount(options: MountOptions): Promise<Mounted> {
	const { defaultMode = 0o644, harness = new Harness(), role = "kv-role" } = options;
	const dialect = makeDialect(options.dialect ?? "vault", `{address: ${vault.address}, authMount: jwt}`);
	const plan = dialect.plan(makeRequest({ roleName: role, objects: options.objects, ...options.parameters }, { defaultMode }));
	try {
		const mounted = await harness.mount(plan, pod, options.token ?? (await issuer.token(pod)));
		const missing = mounted.outcomes.findIndex((outcome) => outcome.kind !== "found");
		const [object, outcome] = [plan.objects[missing], mounted.outcomes[missing]];
		if (object === undefined || outcome === undefined || outcome.kind === "found") return mounted;
		throw worded(outcome.error, plan.explain?.(object, outcome.error));
	} catch (error) {
		const [object] = plan.objects;
		if (!(error instanceof ProviderError) || object === undefined || error.stage === undefined) throw error;
		throw worded(error, plan.explain?.(object, error));
	}
}

/** The error as it leaves the provider: today's words are in `legacyText`. */
function worded(error: ProviderError, legacyText = ""): ProviderError {
	return new ProviderError(error.code, error.message, { legacyText, remedy: error.remedy ?? "" });
}

async function failure(t: ExecutionContext, options: MountOptions): Promise<ProviderError> {
	const error = await t.throwsAsync(mount(options), { instanceOf: ProviderError });
	if (error === undefined) throw new Error("the mount did not fail");
	return error;
}

const object = (name: string, path: string, fields = "") => `- {objectName: ${name}, secretPath: ${path}${fields}}\n`;
const texts = (mounted: Mounted) => Object.fromEntries(mounted.files.map((file) => [file.path, file.contents.toString()]));

test("a KV v2 secret's keys become files with the default mode and versions of their own", async (t) => {
	const objects = object("user", "secret/data/app", ", secretKey: user") + object("pass", "secret/data/app", ", secretKey: pass");
	const mounted = await mount({ objects });
	t.deepEqual(texts(mounted), { user: "u", pass: "p" });
	t.deepEqual(
		mounted.files.map((file) => file.mode),
		[420, 420],
	);
	t.is(new Set(mounted.versions.values()).size, 2);
});

const values: readonly (readonly [fields: string, content: string])[] = [
	["secret/data/app, secretKey: port", "5432"],
	["secret/data/app, secretKey: a", '{"x":[true,null],"y":1}'],
	["secret/data/app, secretKey: empty", ""],
	["secret/data/app, secretKey: nil", "null"],
	["secret/data/app, secretKey: k, encoding: BASE64", "\u0001\u0002\u0003"],
	["secret/data/app, secretKey: k, encoding: UTF-8", "AQID"],
	["secret/data/digits, secretKey: big", "9007199254740991"],
	["secret/data/digits, secretKey: float", "1.5"],
	["secret/data/digits, secretKey: a.b", "dotted"],
	["secret/data/digits, secretKey: data", "named data"],
	["/v1/kv1/app, secretKey: user", "u1"],
	["kv1/app, secretKey: data", "named data"],
	["kv1/nested, secretKey: user", "inner"],
	["'secret/data/app?version=1', secretKey: user", "u"],
	["secret/metadata/app, secretKey: current_version", "1"],
	["secret/metadata/listed, secretKey: keys, method: LIST", '["one","two"]'],
];

for (const [fields, content] of values) {
	test(`{secretPath: ${fields}} gives ${JSON.stringify(content)}`, async (t) => {
		t.deepEqual(texts(await mount({ objects: `- {objectName: x, secretPath: ${fields}}` })), { x: content });
	});
}

test("without secretKey the whole answer is the file, with an empty request id and the same bytes at every read", async (t) => {
	const harness = new Harness();
	const first = await mount({ objects: object("all", "secret/data/app"), harness });
	const second = await mount({ objects: object("all", "secret/data/app"), harness });
	const text = texts(first)["all"] ?? "";
	t.true(text.startsWith('{"request_id":"","lease_id":"","lease_duration":0,"renewable":false,"data":{"data":{"a":{'), text);
	t.true(text.includes('"h":"\\u003cb\\u003e"'));
	t.true(text.endsWith(',"warnings":null}'));
	t.deepEqual(texts(first), texts(second));
	t.deepEqual(first.versions, second.versions);
});

test("modes: the object's own, else the request's", async (t) => {
	const objects = object("own", "kv1/app", ", secretKey: user, filePermission: 0440") + object("default", "kv1/app", ", secretKey: user");
	const mounted = await mount({ objects, defaultMode: 292 });
	t.deepEqual(
		mounted.files.map((file) => file.mode),
		[288, 292],
	);
});

test("versions move with content and configuration, and with nothing else", async (t) => {
	await vault.api("POST", "kv1/moving", { v: "one" });
	const version = async (fields = "") => (await mount({ objects: object("x", "kv1/moving", `, secretKey: v${fields}`) })).versions.get("x");
	const first = await version();
	t.is(await version(), first);
	t.not(await version(", filePermission: 0400"), first);
	await vault.api("POST", "kv1/moving", { v: "two", other: "1" });
	const second = await version();
	t.not(second, first);
	await vault.api("POST", "kv1/moving", { v: "two", other: "2" });
	t.is(await version(), second);
});

test("a certificate is issued by PUT with arguments, and two objects of one path get each their own", async (t) => {
	const issued = (name: string) => object(name, "pki/issue/web", `, method: PUT, secretArgs: {common_name: ${name}.example.test, ttl: 1h}`);
	const mounted = await mount({ objects: issued("one") + issued("two") });
	for (const file of mounted.files) {
		const { data } = JSON.parse(file.contents.toString()) as { data: { certificate: string } };
		t.true(new X509Certificate(data.certificate).checkHost(`${file.path}.example.test`) !== undefined);
	}
	t.is(mounted.files.length, 2);
});

interface FailureCase {
	readonly title: string;
	readonly objects: string;
	readonly role?: string;
	readonly code: ProviderError["code"];
	readonly legacy: string | RegExp;
	readonly own: RegExp;
}

const failures: readonly FailureCase[] = [
	{
		title: "a secret that is not there",
		objects: object("x", "secret/data/none", ", secretKey: k"),
		code: "absent",
		legacy:
			/^error making mount request: couldn't read secret "x": error requesting secret: Error making API request\.\n\nURL: GET http:\/\/127\.0\.0\.1:\d+\/v1\/secret\/data\/none\nCode: 404\. Errors:\n\n$/,
		own: /nothing at "secret\/data\/none" \(status 404\)/,
	},
	{
		title: "a path without right",
		objects: object("x", "other/data/none"),
		code: "denied",
		legacy:
			/error requesting secret: Error making API request\.\n\nURL: GET .*\nCode: 403\. Errors:\n\n\* 1 error occurred:\n\t\* permission denied\n\n$/,
		own: /denied "other\/data\/none" \(status 403, "1 error occurred: \* permission denied"\)/,
	},
	{
		title: "a KV v2 path without data/",
		objects: object("x", "secret/app"),
		code: "absent",
		legacy: /Code: 404\. Errors:\n\n$/,
		own: /version 2, whose secrets lie below data\//,
	},
	{
		title: "a key that is not there",
		objects: object("x", "secret/data/app", ", secretKey: none"),
		code: "invalid",
		legacy: 'error making mount request: {secret/data/app}: {key "none" does not exist at the secret path}',
		own: /"secret\/data\/app": has no key "none"/,
	},
	{
		title: "a key that only JavaScript's objects have",
		objects: object("x", "secret/data/app", ", secretKey: constructor"),
		code: "invalid",
		legacy: 'error making mount request: {secret/data/app}: {key "constructor" does not exist at the secret path}',
		own: /has no key/,
	},
	{
		title: "base64 that is none",
		objects: object("x", "secret/data/app", ", secretKey: bad, encoding: base64"),
		code: "invalid",
		legacy: "error making mount request: {secret/data/app}: {illegal base64 data at input byte 0}",
		own: /value of "bad" is not base64/,
	},
	{
		title: "hexadecimal that is none",
		objects: object("x", "secret/data/app", ", secretKey: bad, encoding: hex"),
		code: "invalid",
		legacy: "error making mount request: {secret/data/app}: {encoding/hex: invalid byte: U+0051 'Q'}",
		own: /is not hex/,
	},
	{
		title: "a request that gives nothing back",
		objects: object("x", "cubbyhole/x", ", method: PUT, secretArgs: {a: b}"),
		code: "absent",
		legacy: 'error making mount request: empty response from "cubbyhole/x", warnings: []',
		own: /without any data/,
	},
	{
		title: "a verb that the path does not have",
		objects: object("x", "pki/issue/web", ", method: GET"),
		role: "kv-role",
		code: "denied",
		legacy: /Code: 403/,
		own: /denied/,
	},
	{
		title: "a role that is not there",
		objects: object("x", "secret/data/app"),
		role: "nobody",
		code: "denied",
		legacy:
			/^error making mount request: couldn't read secret "x": failed to login: Error making API request\.\n\nURL: POST http:\/\/127\.0\.0\.1:\d+\/v1\/auth\/jwt\/login\nCode: 400\. Errors:\n\n\* role "nobody" could not be found$/,
		own: /refused the login of test\/nginx-kv as role "nobody" at auth\/jwt \(status 400/,
	},
	{
		title: "a role without rights",
		objects: object("x", "secret/data/app"),
		role: "powerless",
		code: "denied",
		legacy: /error requesting secret: .*Code: 403/s,
		own: /status 403/,
	},
];

for (const { title, objects, role, code, legacy, own } of failures) {
	test(`${title} is ${code}, in today's words and in ours`, async (t) => {
		const error = await failure(t, { objects, ...(role === undefined ? {} : { role }) });
		t.is(error.code, code);
		if (typeof legacy === "string") t.is(error.legacyText, legacy);
		else t.regex(error.legacyText ?? "", legacy);
		t.regex(error.message, own);
		t.truthy(error.remedy);
	});
}

test("deleted and destroyed versions are absent and say so, with version and time", async (t) => {
	for (const value of ["one", "two", "three"]) await vault.api("POST", "secret/data/aged", { data: { v: value } });
	await vault.api("POST", "secret/destroy/aged", { versions: [1] });
	await vault.api("POST", "secret/delete/aged", { versions: [3] });
	const destroyed = await failure(t, { objects: object("x", "'secret/data/aged?version=1'", ", secretKey: v") });
	t.regex(destroyed.message, /^Version 1 of "secret\/data\/aged\?version=1" is destroyed\.$/);
	const deleted = await failure(t, { objects: object("x", "secret/data/aged", ", secretKey: v") });
	t.is(deleted.code, "absent");
	t.regex(deleted.message, /^Version 3 of "secret\/data\/aged" was deleted at \d{4}-\d\d-\d\dT/);
	t.deepEqual(texts(await mount({ objects: object("x", "'secret/data/aged?version=2'", ", secretKey: v") })), { x: "two" });
});

test("a secret deleted after the first mount makes the second one fail", async (t) => {
	await vault.api("POST", "kv1/short", { v: "1" });
	const harness = new Harness();
	const objects = object("x", "kv1/short", ", secretKey: v");
	await mount({ objects, harness });
	await vault.api("DELETE", "kv1/short");
	t.is((await failure(t, { objects, harness })).code, "absent");
});

test.serial("a token revoked on the server is a denial, and one more login helps", async (t) => {
	const harness = new Harness();
	const objects = object("x", "secret/data/app", ", secretKey: user");
	await mount({ objects, harness });
	await mount({ objects, harness });
	t.is(harness.logins, 1);
	await vault.api("POST", "sys/leases/revoke-prefix/auth/jwt/login");
	t.is((await failure(t, { objects, harness })).code, "denied");
	harness.forget();
	t.deepEqual(texts(await mount({ objects, harness })), { x: "u" });
	t.is(harness.logins, 2);
});

test("logins that the server refuses are denied with its reason", async (t) => {
	const objects = object("x", "secret/data/app");
	const wrongAudience = await failure(t, { objects, token: await issuer.token(pod, { audience: "other" }) });
	t.regex(wrongAudience.legacyText ?? "", /failed to login: .*Code: 400.*audience/s);
	const stranger = await failure(t, { objects, token: await issuer.token(makePod()) });
	t.is(stranger.code, "denied");
	const nowhere = await failure(t, { objects, parameters: { vaultAuthMountPath: "nowhere" } });
	t.is(nowhere.code, "denied");
	t.regex(nowhere.legacyText ?? "", /URL: POST .*\/v1\/auth\/nowhere\/login\nCode: 403/);
	const foreign = await failure(t, { objects, role: "nobody", parameters: { vaultNamespace: "team" } });
	t.regex(foreign.legacyText ?? "", /API request\.\n\nNamespace: team\nURL: POST/);
});

test("OpenBao's dialect does the same under its own names", async (t) => {
	const token = await issuer.token(pod);
	const mounted = await mount({
		dialect: "openbao",
		objects: object("x", "kv1/app", ", secretKey: user"),
		parameters: { baoRoleName: "kv-role", roleName: "nobody" },
		token,
	});
	t.deepEqual(texts(mounted), { x: "u1" });
});

test("the native dialect's value is the secret's data as JSON, and a session knows its end", async (t) => {
	await writeJwtRole(vault, { name: "short", policies: ["kv"], account, fields: { token_ttl: "90s" } });
	const instance = module.store.instance("main", fieldsOf(`{address: ${vault.address}, authMount: jwt}`));
	const ref = (fields: string) => module.store.ref(fieldsOf(fields), instance, makeRequest({}));
	const session = await new Harness().connect(instance, pod, "short", await issuer.token(pod));
	const left = (session.expiresAt?.getTime() ?? 0) - Date.now();
	t.true(left > 60_000 && left <= 90_000, String(left));
	t.is(session.batchSize, 1);
	const refs = ["{path: secret/data/app}", "{path: kv1/nested}", "{path: secret/data/none}", "{path: secret/app}"].map(ref);
	const [kv2, kv1, none, unversioned] = await session.read(refs, AbortSignal.timeout(20_000));
	t.is(kv2?.kind === "found" ? JSON.parse(kv2.value.reveal().toString()).user : "", "u");
	t.is(kv1?.kind === "found" ? kv1.value.reveal().toString() : "", '{"data":{"user":"inner"},"other":"outer"}');
	t.is(none?.kind, "absent");
	t.is(unversioned?.kind === "absent" ? unversioned.error.remedy : "", "Write the path as secret/data/app.");
});

test("a dynamic secret has a lease, and closing the session revokes it with the token", async (t) => {
	await vault.api("POST", "pki/roles/leased", { allow_any_name: true, enforce_hostnames: false, key_type: "ec", generate_lease: true });
	await writePolicy(vault, "leased", { "pki/issue/leased": ["create", "update"] });
	await writeJwtRole(vault, { name: "leased", policies: ["leased"], account });
	const instance = module.store.instance("main", fieldsOf(`{address: ${vault.address}, authMount: jwt}`));
	const session = await new Harness().connect(instance, pod, "leased", await issuer.token(pod));
	const ref = module.store.ref(
		fieldsOf("{path: pki/issue/leased, method: PUT, args: {common_name: x, ttl: 1h}}"),
		instance,
		makeRequest({}),
	);
	const read = async () => (await session.read([ref], AbortSignal.timeout(20_000)))[0];
	const outcome = await read();
	const lease = outcome?.kind === "found" ? outcome.lease : undefined;
	if (lease === undefined) return t.fail("there is no lease");
	t.true(lease.durationSeconds > 3000 && lease.durationSeconds <= 3600);
	t.is((await vault.api("POST", "sys/leases/lookup", { lease_id: lease.id }))["errors"], undefined);
	await session.close?.();
	t.is((await read())?.kind, "denied");
	// Vault revokes the leases of a revoked token in the background.
	const lookup = () => vault.api("POST", "sys/leases/lookup", { lease_id: lease.id }).then(String, String);
	while (!(await lookup()).includes("invalid lease")) await new Promise((resolve) => setTimeout(resolve, 20));
});
