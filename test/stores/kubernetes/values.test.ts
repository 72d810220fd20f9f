import { randomBytes } from "node:crypto";
import test from "ava";
import fc from "fast-check";
import type { MountRequest } from "../../../provider/plan/mount-request.ts";
import { planNative } from "../../../provider/plan/native/index.ts";
import { module } from "../../../provider/stores/kubernetes/index.ts";
import { readSecret } from "../../../provider/stores/kubernetes/secret-answer.ts";
import { type Cluster, startCluster } from "../../servers/kubernetes/cluster.ts";
import { requestOf } from "../../support/fake-store.ts";
import { makePod } from "../../support/pods.ts";
import { grant, openSite, putSecret, textOf } from "./harness.ts";

let cluster: Cluster;
test.before(async () => {
	cluster = await startCluster();
});
test.after.always(() => cluster?.stop());

const binary = Buffer.from([0, 0xff, 0xfe, 0xc3, 0x28, 0x0a]);

async function openReader(t: Parameters<typeof openSite>[0]) {
	const site = await openSite(t, cluster);
	await grant(cluster, { namespace: site.namespace });
	return {
		...site,
		web: await site.pod(),
		put: (name: string, data: Readonly<Record<string, string | Buffer>>, type?: string) =>
			putSecret(cluster, site.namespace, name, data, type === undefined ? {} : { type }),
	};
}

test("every key is a file of its own, byte for byte, and many keys are one request", async (t) => {
	const { web, put, mount, front } = await openReader(t);
	const data = { user: "app", password: "hunter2\n", "keystore.p12": binary, "empty.txt": "", __proto__x: "y" };
	await put("db", data);
	const expanded = await mount(web, [{ name: "all", secret: "db", expand: "true" }]);
	t.is(expanded.files.size, 5);
	for (const [key, value] of Object.entries(data)) t.deepEqual(expanded.files.get(key)?.contents, Buffer.from(value), key);
	t.is(front.reads().length, 1);
	const one = Object.keys(data).map((key, index) => ({ name: `f${index}`, secret: "db", key }));
	t.true((await mount(web, one)).files.get("f2")?.contents.equals(binary));
	t.is(front.reads().length, 2, "five objects of one Secret");
});

test("keys are text for templates and formats, and bytes that are none are told from it", async (t) => {
	const { web, put, mount, refusal } = await openReader(t);
	await put("db", { user: "app", settings: '{"port": 5432}', "keystore.p12": binary });
	const object = { name: "db", secret: "db" };
	const files = [
		{ path: "url", template: "{{db.user}}:{{db.settings.port}}" },
		{ path: "bytes", template: '{{db["keystore.p12"]}}' },
		{ path: "store.env", format: "dotenv", values: { STORE: { from: "db", key: "keystore.p12", encode: "base64" } } },
	];
	const mounted = await mount(web, [object], files);
	t.is(textOf(mounted, "url"), "app:5432");
	t.deepEqual(mounted.files.get("bytes")?.contents, binary);
	t.is(textOf(mounted, "store.env"), `STORE=${binary.toString("base64")}\n`);
	for (const [what, file, text] of [
		[
			"in a format",
			{ path: "f", format: "dotenv", values: { STORE: 'db["keystore.p12"]' } },
			/object "db", key "keystore.p12": is binary, not UTF-8 text\. Add `encode: base64`/,
		],
		["in JSON", { path: "f", from: "db" }, /object "db", key "keystore.p12": is binary, not UTF-8 text\. Select the keys one by one/],
		["for an expression", { path: "f", from: "db", jmespath: "user" }, /key "keystore.p12": is binary/],
		["a key that is not there", { path: "f", from: "db", key: "nothing" }, /object "db", key "nothing": there is no such key/],
	] as const) {
		const error = await refusal(web, [object], [file]);
		t.is(error.errorCode, "invalid", what);
		t.regex(error.details, text, what);
		t.false(error.details.includes("app:"), what);
	}
});

test("a Secret as a whole is JSON, and one without keys is an empty object", async (t) => {
	const { web, put, mount } = await openReader(t);
	await put("db", { user: "app", password: 'hunter"2' });
	await put("none", {});
	const mounted = await mount(web, [
		{ name: "db", path: "db" },
		{ name: "none", secret: "none" },
	]);
	t.is(textOf(mounted, "db"), '{"password":"hunter\\"2","user":"app"}');
	t.is(textOf(mounted, "none"), "{}");
});

test("every type of Secret can be read: a certificate with its key, a registry's login", async (t) => {
	const { web, put, mount } = await openReader(t);
	await put("app-tls", { "tls.crt": "CERTIFICATE\n", "tls.key": "KEY\n" }, "kubernetes.io/tls");
	const login = JSON.stringify({ auths: { "registry.example": { auth: "YTpi" } } });
	await put("registry", { ".dockerconfigjson": login }, "kubernetes.io/dockerconfigjson");
	await put("login", { username: "app", password: "hunter2" }, "kubernetes.io/basic-auth");
	const objects = ["app-tls", "registry", "login"].map((secret) => ({ name: secret, secret }));
	const mounted = await mount(web, objects, [
		{ path: "tls/combined.pem", template: '{{app-tls["tls.crt"]}}{{app-tls["tls.key"]}}' },
		{ path: "config.json", from: "registry", key: ".dockerconfigjson" },
		{ path: "auth", from: "registry", key: ".dockerconfigjson", mode: "0400" },
		{ path: "pg.env", format: "dotenv", values: { PGUSER: "login.username", PGPASSWORD: "login.password" } },
	]);
	t.is(textOf(mounted, "tls/combined.pem"), "CERTIFICATE\nKEY\n");
	t.is(textOf(mounted, "config.json"), login);
	t.is(mounted.files.get("auth")?.mode, 0o400);
	t.is(textOf(mounted, "pg.env"), "PGUSER=app\nPGPASSWORD=hunter2\n");
});

test("the largest Secret that Kubernetes keeps arrives whole", async (t) => {
	const { web, put, mount } = await openReader(t);
	const [one, two] = [randomBytes(524_288), randomBytes(524_288 - 6)];
	await put("large", { one, two, last: "six..." });
	const { files } = await mount(web, [{ name: "large", secret: "large", expand: "true" }]);
	t.true(files.get("one")?.contents.equals(one));
	t.true(files.get("two")?.contents.equals(two));
	t.is(files.get("last")?.contents.toString(), "six...");
});

test("whatever keys and bytes a Secret has, each key gives its bytes, and order changes nothing", (t) => {
	const key = fc.stringMatching(/^[-._a-zA-Z0-9]{1,20}$/);
	const entry = fc.tuple(fc.oneof(key, fc.constantFrom("__proto__", "constructor", "1", "0")), fc.uint8Array({ maxLength: 64 }));
	fc.assert(
		fc.property(fc.uniqueArray(entry, { selector: ([name]) => name, maxLength: 8 }), (entries) => {
			const [found, reversed] = [entries, entries.toReversed()].map((ordered) => secretOf(ordered));
			if (found === undefined || reversed === undefined) return false;
			const values = new Map([["s", found]]);
			for (const [name, bytes] of entries) {
				const [file] =
					planOf([{ name: "s", store: "k", secret: "s" }], [{ path: "f", from: "s", key: name }]).files[0]?.produce(values) ?? [];
				if (!file?.contents.equals(bytes)) return false;
			}
			return found.value.reveal().equals(reversed.value.reveal());
		}),
		{ numRuns: 300 },
	);
	t.pass();
});

function secretOf(entries: readonly (readonly [string, Uint8Array])[]) {
	const data = entries.map(([name, bytes]) => `${JSON.stringify(name)}:"${Buffer.from(bytes).toString("base64")}"`);
	const body = `{"kind":"Secret","metadata":{"name":"s","namespace":"shop","resourceVersion":"7"},"data":{${data.join()}}}`;
	return readSecret(Buffer.from(body), { key: "", namespace: "shop", secret: "s" })?.found;
}

function planOf(objects: readonly object[], files: readonly object[], store: object = { type: "kubernetes" }) {
	const parameters = { stores: JSON.stringify({ k: store }), objects: JSON.stringify(objects), files: JSON.stringify(files) };
	const request: MountRequest = { ...requestOf(makePod()), provider: "claviger", parameters: new Map(Object.entries(parameters)) };
	return planNative(request, { store: () => module.store, storeTypes: ["kubernetes"], configured: new Map() });
}

/** An object or a store, and the fault of it. */
const faults: readonly (readonly [object: object, store: object, fault: RegExp])[] = [
	[{}, {}, /objects\[0\]\.secret is missing\. Write the Secret's name/],
	[{ secret: "" }, {}, /secret is empty/],
	[{ secret: "Upper" }, {}, /secret is "Upper", which no Secret can be called/],
	[{ secret: "../../../nodes" }, {}, /which no Secret can be called/],
	[{ secret: "db/password" }, {}, /which of its keys is wanted, `key` says/],
	[{ secret: "a..b" }, {}, /which no Secret can be called/],
	[{ path: "db", secret: "db" }, {}, /path stands beside secret/],
	[
		{ secret: "db", namespace: "kube-system" },
		{},
		/namespace is "kube-system", and the pod is in shop: policy opens no other namespace here/,
	],
	[{ secret: "db", namespace: "a/b" }, {}, /which is no namespace/],
	[{ secret: "db", version: "1" }, {}, /version is not known here/],
	[{ secret: "db" }, { address: "https://10.1.2.3:6443" }, /stores\.k\.audience is missing\. Write the audience that the other cluster/],
	[{ secret: "db" }, { address: "https://api.example", audience: "" }, /stores\.k\.audience is missing/],
	[{ secret: "db" }, { address: "ftp://api.example", audience: "other" }, /address has the scheme ftp/],
	[{ secret: "db" }, { address: "unix:///run/api.sock", audience: "other" }, /address is a socket of the node/],
	[{ secret: "db" }, { caFile: "/ca.pem" }, /caFile stands without address/],
	[{ secret: "db" }, { namespaces: ["shared"] }, /has options that only the administrator may write/],
	[{ secret: "db" }, { defaultServiceAccounts: ["shop"] }, /has options that only the administrator may write/],
	[{ secret: "db" }, { namespaces: ["*"] }, /namespaces\[0\] is "\*", which is no namespace/],
];

for (const [object, store, fault] of faults) {
	test(`a fault of the class: ${JSON.stringify({ ...object, ...store })}`, (t) => {
		t.throws(() => planOf([{ name: "f", ...object }], [{ path: "f", from: "f" }], { type: "kubernetes", ...store }), { message: fault });
	});
}
