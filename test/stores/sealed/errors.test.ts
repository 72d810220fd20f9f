import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import type { Pod } from "../../../provider/plan/mount-request.ts";
import type { SealedFor } from "../../../provider/sealing/workload.ts";
import { CallFailure } from "../../support/mount-client.ts";
import { makePod } from "../../support/pods.ts";
import { startTestProvider, type TestProviderOptions } from "../../support/provider.ts";
import { Installation } from "./support.ts";

const web: SealedFor = { kind: "object", namespace: "shop", serviceAccount: "web", object: "db" };

async function setUp(t: ExecutionContext, options = "", more: TestProviderOptions = {}) {
	const installation = new Installation(t);
	installation.addKey("usual");
	const provider = await startTestProvider(t, { policy: installation.policy(options), providers: "claviger", ...more });
	const mount = (objects: readonly object[], pod: Pod = makePod()) =>
		provider.mount("claviger", pod, { objects: JSON.stringify(objects) }, { audience: "claviger" });
	const failure = async (mounted: Promise<unknown>) => {
		const error = await t.throwsAsync(mounted, { instanceOf: CallFailure });
		if (error === undefined) throw new Error("the mount did not fail");
		return error;
	};
	return { installation, provider, mount, failure };
}

function changed(text: string, index: number): string {
	return text.slice(0, index) + (text[index] === "A" ? "B" : "A") + text.slice(index + 1);
}

const refusals: readonly {
	readonly title: string;
	readonly sealedFor?: Partial<SealedFor>;
	readonly change?: (text: string) => string;
	readonly pod?: Partial<Pod>;
	readonly options?: string;
	readonly code: string;
	readonly message: RegExp;
}[] = [
	{
		title: "another namespace's",
		sealedFor: { namespace: "bank" },
		code: "denied",
		message: /The object "db" is sealed for the service account "bank\/web", not for shop\/web\. Seal it for/,
	},
	{
		title: "another account's",
		sealedFor: { serviceAccount: "batch" },
		code: "denied",
		message: /The object "db" is sealed for the service account "shop\/batch", not for shop\/web/,
	},
	{
		title: "another object's",
		sealedFor: { object: "admin" },
		code: "invalid",
		message: /objects\[0\]\.sealed of "db" was sealed as the object "admin"\. Put it under its own name/,
	},
	{
		title: "a whole namespace's, which is not allowed",
		sealedFor: { kind: "namespace" },
		code: "denied",
		message: /The object "db" is sealed for all of the namespace "shop", which the administrator does not allow\. .*allowNamespaceScope/,
	},
	{
		title: "another whole namespace's",
		sealedFor: { kind: "namespace", namespace: "bank" },
		options: ", allowNamespaceScope: true",
		code: "denied",
		message: /sealed for all of the namespace "bank", not for shop\/web/,
	},
	{
		title: "one whose data were changed",
		change: (text) => changed(text, text.lastIndexOf(".") - 2),
		code: "invalid",
		message: /The object "db" is damaged, or was changed after it was sealed\. Seal the value anew/,
	},
	{
		title: "one whose header was changed",
		change: (text) => changed(text, 40),
		code: "invalid",
		message: /objects\[0\]\.sealed of "db" .*Make the entry with `claviger seal value`/,
	},
	{
		title: "no sealed value",
		change: () => "hunter2",
		code: "invalid",
		message: /objects\[0\]\.sealed of "db" is no sealed value, or is damaged\. Make the entry/,
	},
	{
		title: "the account `default`'s",
		sealedFor: { serviceAccount: "default" },
		pod: { serviceAccount: "default" },
		code: "denied",
		message: /The service account shop\/default gets no sealed values: every pod that names no account is it\. .*defaultServiceAccounts/,
	},
];

for (const { title, sealedFor, change = (text: string) => text, pod, options, code, message } of refusals) {
	test(`a value is refused, and its object named: ${title}`, async (t) => {
		const { installation, mount, failure } = await setUp(t, options);
		const sealed = change(await installation.seal("usual", "hunter2", { ...web, ...sealedFor }));
		const error = await failure(mount([{ name: "db", store: "main", sealed }], makePod(pod)));
		t.is(error.errorCode, code, error.details);
		t.regex(error.details, message);
		t.false(error.details.includes("hunter2"));
	});
}

test("two entries whose values were swapped are both refused by name", async (t) => {
	const { installation, mount, failure } = await setUp(t);
	const [db, admin] = await Promise.all(["db", "admin"].map((object) => installation.seal("usual", `of ${object}`, { ...web, object })));
	const entry = (name: string, sealed: string | undefined) => ({ name, store: "main", sealed });
	t.is((await mount([entry("db", db), entry("admin", admin)])).files.get("admin")?.contents.toString(), "of admin");
	const error = await failure(mount([entry("db", admin), entry("admin", db)]));
	t.is(error.errorCode, "invalid");
	t.regex(error.details, /objects\[0\]\.sealed of "db" was sealed as the object "admin"/);
	t.regex(error.details, /objects\[1\]\.sealed of "admin" was sealed as the object "db"/);
});

test("a value with any one character changed is refused, and its object named", async (t) => {
	const { installation, mount, failure } = await setUp(t);
	const sealed = await installation.seal("usual", "hunter2", web);
	const refuse = async (index: number) => {
		const error = await failure(mount([{ name: "db", store: "main", sealed: changed(sealed, index) }]));
		t.regex(error.errorCode ?? "", /^(invalid|denied|absent)$/, error.details);
		t.true(error.details.includes('"db"'), `character ${index}: ${error.details}`);
	};
	for (let index = 0; index < sealed.length; index += 50)
		await Promise.all(Array.from({ length: Math.min(50, sealed.length - index) }, (_, offset) => refuse(index + offset)));
	t.is((await mount([{ name: "db", store: "main", sealed }])).files.size, 1);
});

test("who has a value that is sealed for an old key is told once, as long as the keys stay", async (t) => {
	const { installation, mount, provider } = await setUp(t);
	const entry = async (name: string, key: string) => ({
		name,
		store: "main",
		sealed: await installation.seal(key, name, { ...web, object: name }),
	});
	const older = await Promise.all(["db", "stripe"].map((name) => entry(name, "usual")));
	const told = () => provider.logs.filter((line) => line.includes('"store_advice"')).map((line) => JSON.parse(line));
	await mount(older);
	t.deepEqual(told(), []);
	installation.addKey("z-newest");
	const objects = [...older, await entry("anew", "z-newest")];
	for (let round = 0; round < 3; round += 1) await Promise.all([mount(objects), mount(objects)]);
	t.is(told().length, 2);
	t.like(told()[0], { level: "warn", store: "main", namespace: "shop", serviceAccount: "web" });
	const reasons = told().map(({ reason }) => String(reason));
	t.regex(
		reasons.join(" "),
		/The object "db" is sealed for the key [\w-]{43}, which [\w-]{43} has followed\. Seal it anew .*claviger reseal/,
	);
	t.true(reasons.some((reason) => reason.includes('"stripe"')));
});

test("a key that was taken away withdraws what it sealed; one that was added opens at once", async (t) => {
	const { installation, mount, failure } = await setUp(t);
	const old = { name: "db", store: "main", sealed: await installation.seal("usual", "old", web) };
	const pod = makePod();
	await mount([old], pod);
	installation.addKey("newer");
	const anew = { ...old, sealed: await installation.seal("newer", "new", web) };
	t.is((await mount([anew], pod)).files.get("db")?.contents.toString(), "new");
	t.is((await mount([old], pod)).files.get("db")?.contents.toString(), "old", "both keys open");
	installation.removeKey("usual");
	t.deepEqual([...(await mount([old], pod)).files.keys()], [".revoked"]);
	const error = await failure(mount([old]));
	t.is(error.errorCode, "absent");
	t.regex(error.details, /The object "db" is sealed for the key [\w-]{43}, which this installation does not have\. .*claviger reseal/);
});

test("a Secret is read as kubelet mounts it, and so is the one that takes its place", async (t) => {
	const { installation, mount, failure } = await setUp(t);
	const inside = (name: string) => join(installation.directory, name);
	// Kubelet's atomic writer: files are links into ..data, which is itself a link, and is replaced at once.
	const publish = (folder: string, key: string) => {
		mkdirSync(inside(folder));
		renameSync(inside(`${key}.pem`), join(inside(folder), `${key}.pem`));
		symlinkSync(folder, inside("..data_tmp"));
		renameSync(inside("..data_tmp"), inside("..data"));
		symlinkSync(`..data/${key}.pem`, inside(`${key}.pem`));
	};
	const old = { name: "db", store: "main", sealed: await installation.seal("usual", "old", web) };
	publish("..2026_11_24", "usual");
	t.is((await mount([old])).files.get("db")?.contents.toString(), "old");
	const anew = { name: "db", store: "main", sealed: await installation.seal("next", "new", web) };
	rmSync(inside("usual.pem"));
	publish("..2026_11_25", "next");
	t.is((await mount([anew])).files.get("db")?.contents.toString(), "new");
	t.is((await failure(mount([old]))).errorCode, "absent");
});

const unusable: readonly (readonly [title: string, make: (directory: string) => void, expected: RegExp])[] = [
	["an empty directory", (directory) => rmSync(join(directory, "usual.pem")), /sealing, of the keys for sealed values, holds no key\./],
	[
		"no directory",
		(directory) => rmSync(directory, { recursive: true }),
		/sealing, of the keys for sealed values, cannot be read \(ENOENT\)/,
	],
	[
		"a half-written key",
		(directory) => writeFileSync(join(directory, "usual.pem"), "-----BEGIN PRIVATE KEY-----\nMC4"),
		/usual\.pem, of the keys for sealed values, is no private key in PEM/,
	],
	[
		"a public key",
		(directory) => writeFileSync(join(directory, "z.pem"), "-----BEGIN PUBLIC KEY-----\n"),
		/z\.pem, of the keys for sealed values, is no private key in PEM/,
	],
	[
		"a directory among the keys",
		(directory) => mkdirSync(join(directory, "more")),
		/more, of the keys for sealed values, is no file of a key/,
	],
];
for (const [title, make, expected] of unusable) {
	test(`keys that cannot be used are an outage, and no word on the values: ${title}`, async (t) => {
		const { installation, mount, failure } = await setUp(t);
		const sealed = await installation.seal("usual", "hunter2", web);
		make(installation.directory);
		const error = await failure(mount([{ name: "db", store: "main", sealed }]));
		t.is(error.errorCode, "unreachable", error.details);
		t.regex(error.details, expected);
	});
}

test("the administrator may let the account `default` of a namespace, and whole namespaces, have values", async (t) => {
	const { installation, mount, failure } = await setUp(t, ", allowNamespaceScope: true, defaultServiceAccounts: [shop]");
	const sealed = await installation.seal("usual", "hunter2", { ...web, kind: "namespace" });
	const entry = { name: "db", store: "main", sealed };
	for (const serviceAccount of ["default", "web"]) t.is((await mount([entry], makePod({ serviceAccount }))).files.size, 1);
	t.is((await failure(mount([entry], makePod({ namespace: "bank", serviceAccount: "default" })))).errorCode, "denied");
});

test("a class cannot bring keys of its own", async (t) => {
	const { provider, failure } = await setUp(t);
	const stores = "own: {type: sealed, keyDirectory: /tmp/keys}";
	const error = await failure(
		provider.mount("claviger", makePod(), { stores, objects: "- {name: db, sealed: x}" }, { audience: "claviger" }),
	);
	t.regex(error.details, /stores\.own is a store of type sealed inside the provider, which only the administrator may define/);
});

test("without a verified token nobody gets a value", async (t) => {
	const { installation, provider, failure } = await setUp(t);
	const sealed = await installation.seal("usual", "hunter2", web);
	const objects = JSON.stringify([{ name: "db", store: "main", sealed }]);
	const stranger = await provider.issuer.token(makePod({ serviceAccount: "batch" }), { audience: "claviger" });
	const error = await failure(provider.mount("claviger", makePod(), { objects }, { tokens: { claviger: stranger } }));
	t.regex(error.errorCode ?? "", /^(refused|unidentified)$/, error.details);
});
