import test from "ava";
import fc from "fast-check";
import { module } from "../../../provider/stores/vault/index.ts";
import type { VaultInstance } from "../../../provider/stores/vault/instance.ts";
import type { VaultRef } from "../../../provider/stores/vault/ref.ts";
import { readSecretPath } from "../../../provider/stores/vault/secret-path.ts";
import { answer, fieldsOf, makeDialect, makeRequest } from "./harness.ts";
import { app, instanceOf, minimum, type Parameters, plan, refOf, without } from "./parameters-support.ts";

const modes: readonly (readonly [written: string, mode: number])[] = [
	["0440", 0o440],
	["0o600", 0o600],
	["384", 384],
	["0x1a4", 0o644],
	["0", 0o444],
	["~", 0o444],
];

for (const [written, mode] of modes) {
	test(`filePermission: ${written} is mode ${mode.toString(8)}`, (t) => {
		const objects = `- {objectName: a, secretPath: b, secretKey: k, filePermission: ${written}}`;
		const planned = makeDialect("vault").plan(makeRequest({ ...minimum, objects }, { defaultMode: 0o444 }));
		const found = { kind: "found", value: answer({ k: "v" }), structure: "json" } as const;
		t.is(planned.files[0]?.produce(new Map([["a", found]]))[0]?.mode, mode);
	});
}

test("names may be numbers and booleans, and unknown parameters and fields are ignored", (t) => {
	const planned = plan({
		...minimum,
		whatever: "x",
		objects: "- {objectName: 0123, secretPath: true, secretKey: 1e3, whatever: [1]}\n-\n",
	});
	t.is(planned.objects.length, 1);
	t.is(planned.objects[0]?.name, "0123");
	t.is(refOf(planned).path, "/true");
});

test("arguments keep the types that YAML gives them, digits too", (t) => {
	const objects =
		"- {objectName: a, secretPath: b, method: PUT, secretArgs: {n: 12345678901234567890, o: 0644, s: '5', b: true, y: yes, d: 2001-01-01, l: [~]}}";
	const ref = refOf(plan({ ...minimum, objects }));
	t.is(ref.method, "PUT");
	t.is(ref.body, '{"b":true,"d":"2001-01-01T00:00:00Z","l":[null],"n":12345678901234567890,"o":420,"s":"5","y":"yes"}');
});

test("objects of one path with other arguments are other refs", (t) => {
	const objects =
		"- {objectName: a, secretPath: b, secretArgs: {x: 1}}\n- {objectName: c, secretPath: b, secretArgs: {x: 2}}\n- {objectName: d, secretPath: /v1/b, secretArgs: {x: 1}}";
	const planned = plan({ ...minimum, objects });
	t.not(refOf(planned, 0).key, refOf(planned, 1).key);
	t.is(refOf(planned, 0).key, refOf(planned, 2).key);
});

const paths: readonly (readonly [written: string, path: string])[] = [
	["/v1/secret/data/app", "/secret/data/app"],
	["v1/secret/data/app", "/secret/data/app"],
	["/secret/data/app", "/secret/data/app"],
	["secret/data/app", "/secret/data/app"],
	["v2/x", "/v2/x"],
	["v1x/y", "/v1x/y"],
	["secret//data/app/", "/secret/data/app"],
	["secret/data/a b", "/secret/data/a%20b"],
	["secret/data/größe", "/secret/data/gr%C3%B6%C3%9Fe"],
	["secret/data/100%", "/secret/data/100%25"],
	["secret/data/app?version=2", "/secret/data/app?version=2"],
	["secret/data/app?", "/secret/data/app"],
	["secret/data/app?a=b c&d=../x", "/secret/data/app?a=b+c&d=..%2Fx"],
];

test("paths have one form, and go to the server as they are written", (t) => {
	for (const [written, path] of paths) t.deepEqual(readSecretPath(written), { path }, written);
	for (const written of ["", "/", "/v1/", "v1", "a/./b", "..", "a/..", "%2E/x"]) t.true("problem" in readSecretPath(written), written);
});

test("no path leaves the API, whatever is written", (t) => {
	const pieces = fc.constantFrom(
		"..",
		".",
		"/",
		"\\",
		"%2e",
		"%2F",
		"%5c",
		"%",
		"v1",
		"#",
		"?",
		"\u0000",
		"a",
		"ä",
		"\ud800",
		";",
		":",
		"@",
		"//",
	);
	fc.assert(
		fc.property(
			fc.oneof(
				fc.array(pieces).map((parts) => parts.join("")),
				fc.string({ unit: "binary" }),
			),
			(written) => {
				const read = readSecretPath(written);
				if ("problem" in read) return;
				const url = new URL(`https://vault.example/v1${read.path}`);
				t.is(url.host, "vault.example");
				t.is(`${url.pathname}${url.search}`, `/v1${read.path}`, "a URL parser finds nothing to resolve");
				t.is(url.hash, "");
			},
		),
	);
	t.pass();
});

test("a class overrides the administrator's defaults, and cannot undo a switched off verification", (t) => {
	const defaults =
		"{address: https://default.example, namespace: one, authMount: jwt, caFile: /ca, tlsServerName: name, skipTlsVerify: true}";
	const kept = instanceOf(plan(without("vaultAddress"), "vault", defaults));
	t.like(kept, { namespace: "one", authMount: "jwt", skipsTlsVerification: true });
	t.deepEqual(kept.endpoints, ["https://default.example"]);
	t.deepEqual(kept.tls, { caFile: "/ca", serverName: "name", skipVerification: true });
	const own = { ...minimum, vaultNamespace: "two", vaultKubernetesMountPath: "k8s", vaultCACertPath: "/own", vaultSkipTLSVerify: "false" };
	const changed = instanceOf(plan(own, "vault", defaults));
	t.like(changed, { namespace: "two", authMount: "k8s", skipsTlsVerification: true });
	t.deepEqual(changed.endpoints, ["https://vault.example:8200"]);
	t.is(changed.tls.caFile, "/own");
	const emptied = instanceOf(plan({ ...minimum, vaultAddress: "", vaultAuthMountPath: "" }, "vault", defaults));
	t.deepEqual([emptied.endpoints, emptied.authMount], [["https://default.example"], "jwt"]);
	t.deepEqual(instanceOf(plan(without("vaultAddress"))).endpoints, ["https://127.0.0.1:8200"]);
	t.is(instanceOf(plan(minimum)).authMount, "kubernetes");
});

test("who answers for the address: the administrator for the configured one, as long as it is verified as configured", (t) => {
	const defaults = "address: https://vault.example:8200/";
	const origin = (parameters: Parameters, written = defaults) => plan(parameters, "vault", written).stores[0]?.origin;
	t.is(origin(without("vaultAddress")), "policy");
	t.is(origin(minimum), "policy", "a class may repeat it");
	t.is(origin({ ...minimum, vaultAddress: "https://other.example" }), "parameters");
	t.is(origin({ ...minimum, vaultSkipTLSVerify: "true" }), "parameters");
	t.is(origin({ ...minimum, vaultSkipTLSVerify: "true" }, `{address: https://vault.example:8200, skipTlsVerify: true}`), "policy");
	t.is(origin(minimum, ""), "parameters");
});

test("OpenBao's prefixes are tried in order, and the first one present wins", (t) => {
	const all = { baoAddress: "https://bao", openbaoAddress: "https://openbao", vaultAddress: "https://vault", objects: app };
	const parameters: Parameters = { ...all, openbaoRoleName: "second", vaultRoleName: "third", roleName: "last" };
	const planned = plan(parameters, "openbao");
	t.like(planned.stores[0], { role: "second", audience: "openbao", addressParameter: "baoAddress", audienceParameter: "audience" });
	t.deepEqual(instanceOf(planned).endpoints, ["https://bao"]);
	const vault = plan({ ...minimum, vaultRoleName: "ignored" });
	t.like(vault.stores[0], { role: "app", audience: "vault", addressParameter: "vaultAddress" });
	t.is(plan({ ...minimum, audience: "custom" }).stores[0]?.audience, "custom");
	const empty = plan({ ...minimum, openbaoAddress: "", openbaoNamespace: "one" }, "openbao", "address: https://default.example");
	t.deepEqual(instanceOf(empty).endpoints, ["https://default.example"]);
	t.is(instanceOf(empty).namespace, "one");
});

test("the key of an instance moves with every option, and no name", (t) => {
	const variants: readonly Parameters[] = [
		minimum,
		{ ...minimum, vaultAddress: "https://vault.example:8201" },
		{ ...minimum, vaultNamespace: "one" },
		{ ...minimum, vaultAuthMountPath: "jwt" },
		{ ...minimum, vaultCACertPath: "/ca" },
		{ ...minimum, vaultCADirectory: "/ca" },
		{ ...minimum, vaultTLSServerName: "x" },
		{ ...minimum, vaultTLSClientCertPath: "/c", vaultTLSClientKeyPath: "/k" },
		{ ...minimum, vaultSkipTLSVerify: "1" },
	];
	const keys = variants.map((parameters) => instanceOf(plan(parameters)).key);
	t.is(new Set(keys).size, variants.length);
	t.is(module.store.instance("main", fieldsOf("address: https://vault.example:8200")).key, keys[0] ?? "");
});

test("the native dialect reads an instance and a ref, and faults name the field", (t) => {
	const fields = fieldsOf("{address: unix:///run/agent.sock, namespace: /team/, authMount: auth-jwt, role: app}", "stores.main");
	const instance = module.store.instance("main", fields) as VaultInstance;
	t.like(instance, { namespace: "team", authMount: "auth-jwt", endpoints: ["unix:///run/agent.sock"] });
	t.is(module.store.role(fields), "app");
	fields.done();
	t.deepEqual(fields.faults.list, []);
	const object = fieldsOf('{path: /v1/secret/data/app, version: "3", method: POST, args: {n: 5, t: yes, b: true}}', "objects[0]");
	const ref = module.store.ref(object, instance, makeRequest({})) as VaultRef;
	t.like(ref, { path: "/secret/data/app?version=3", method: "POST", body: '{"b":true,"n":5,"t":"yes"}', whole: false });
	const text = fieldsOf(`{path: a, args: '{"n":"5"}'}`, "objects[0]");
	t.is((module.store.ref(text, instance, makeRequest({})) as VaultRef).body, '{"n":"5"}');
	t.deepEqual([...object.faults.list, ...text.faults.list], []);
	const bad = fieldsOf('{path: "../x", version: latest, method: "a b", args: [1]}', "objects[1]");
	module.store.ref(bad, instance, makeRequest({}));
	t.deepEqual(
		bad.faults.list.map((fault) => fault.path).sort(),
		["args", "method", "path", "version"].map((key) => `objects[1].${key}`),
	);
	for (const written of ["{}", "{address: ''}", "{address: x}"]) {
		const broken = fieldsOf(written, "stores.main");
		module.store.instance("main", broken);
		t.deepEqual(
			broken.faults.list.map((fault) => fault.path),
			["stores.main.address"],
			written,
		);
	}
});
