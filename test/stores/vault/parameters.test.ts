import test, { type ExecutionContext } from "ava";
import fc from "fast-check";
import { ProviderError } from "../../../provider/errors.ts";
import { module } from "../../../provider/stores/vault/index.ts";
import { fieldsOf, makeDialect, makeRequest } from "./harness.ts";
import { app, minimum, type Parameters, plan, without } from "./parameters-support.ts";

function refusal(t: ExecutionContext, parameters: Parameters, dialect = "vault", defaults = ""): ProviderError {
	const error = t.throws(() => plan(parameters, dialect, defaults), { instanceOf: ProviderError });
	if (error === undefined) throw new Error("no refusal");
	t.is(error.code, "invalid");
	return error;
}

interface LegacyCase {
	readonly title: string;
	readonly parameters: Parameters;
	readonly text: string;
	/** What our own text names. */
	readonly names: string;
}

const legacyCases: readonly LegacyCase[] = [
	{
		title: "both mount paths, even empty",
		parameters: { ...minimum, vaultKubernetesMountPath: "", vaultAuthMountPath: "x" },
		text: "cannot set both vaultKubernetesMountPath and vaultAuthMountPath",
		names: "vaultKubernetesMountPath",
	},
	{
		title: "a boolean that is none",
		parameters: { ...minimum, vaultSkipTLSVerify: "maybe" },
		text: 'strconv.ParseBool: parsing "maybe": invalid syntax',
		names: "vaultSkipTLSVerify",
	},
	{
		title: "a boolean that YAML knows and Go does not",
		parameters: { ...minimum, vaultSkipTLSVerify: "yes" },
		text: 'strconv.ParseBool: parsing "yes": invalid syntax',
		names: "vaultSkipTLSVerify",
	},
	{
		title: "an empty boolean",
		parameters: { ...minimum, vaultSkipTLSVerify: "" },
		text: 'strconv.ParseBool: parsing "": invalid syntax',
		names: "vaultSkipTLSVerify",
	},
	{
		title: "a mode in quotes",
		parameters: { ...minimum, objects: "- objectName: a\n  secretPath: b\n  filePermission: '0600'" },
		text: "yaml: unmarshal errors:\n  line 3: cannot unmarshal !!str `0600` into fs.FileMode",
		names: "objects[0].filePermission",
	},
	{
		title: "a negative mode",
		parameters: { ...minimum, objects: "- filePermission: -1" },
		text: "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!int `-1` into fs.FileMode",
		names: "objects[0].filePermission",
	},
	{
		title: "several values of wrong types",
		parameters: { ...minimum, objects: "- {objectName: [a], secretPath: {}}\n- {secretArgs: [1]}" },
		text: "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!seq into string\n  line 1: cannot unmarshal !!map into string\n  line 2: cannot unmarshal !!seq into map[string]interface {}",
		names: "objects[1].secretArgs",
	},
	{
		title: "a key twice",
		parameters: { ...minimum, objects: "- objectName: a\n  secretPath: b\n  secretPath: c" },
		text: 'yaml: unmarshal errors:\n  line 3: mapping key "secretPath" already defined at line 2',
		names: "objects",
	},
	{
		title: "objects that are a mapping",
		parameters: { ...minimum, objects: "a: b" },
		text: "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!map into []config.Secret",
		names: "objects",
	},
	{
		title: "no role",
		parameters: without("roleName"),
		text: "missing 'roleName' in SecretProviderClass definition",
		names: "roleName",
	},
	{
		title: "neither role nor objects",
		parameters: { vaultAddress: "https://vault.example:8200" },
		text: "missing 'roleName' in SecretProviderClass definition",
		names: "objects",
	},
	{
		title: "no objects",
		parameters: without("objects"),
		text: "no secrets configured - the provider will not read any secret material",
		names: "objects",
	},
	{
		title: "an empty list",
		parameters: { ...minimum, objects: "[]" },
		text: "no secrets configured - the provider will not read any secret material",
		names: "objects",
	},
	{
		title: "one name twice",
		parameters: { ...minimum, objects: "- {objectName: foo, secretPath: a}\n- {objectName: foo, secretPath: b}" },
		text: "each `objectName` within a SecretProviderClass must be unique, but the following keys were duplicated: foo",
		names: "foo",
	},
	{
		title: "an unknown encoding",
		parameters: { ...minimum, objects: "- {objectName: a, secretPath: secret/data/app, secretKey: k, encoding: rot13}" },
		text: "error making mount request: {secret/data/app}: {invalid encoding type. Should be utf-8, base64, or hex}",
		names: "objects[0].encoding",
	},
];

for (const { title, parameters, text, names } of legacyCases) {
	test(`${title}: the words of today's provider come first, and ours name the parameter`, (t) => {
		const error = refusal(t, parameters);
		t.is(error.legacyText, text);
		t.true(error.message.includes(names), error.message);
	});
}

test("the text about mount paths names them as the dialect does", (t) => {
	const error = refusal(t, { ...minimum, baoKubernetesMountPath: "a", openbaoAuthMountPath: "b" }, "openbao");
	t.is(error.legacyText, "cannot set both openbaoKubernetesMountPath and openbaoAuthMountPath");
});

const ownRefusals: readonly (readonly [title: string, parameters: Parameters, names: string])[] = [
	["a path that climbs", { ...minimum, objects: "- {objectName: a, secretPath: secret/data/../../sys/x}" }, "objects[0].secretPath"],
	["a path with a fragment", { ...minimum, objects: '- {objectName: a, secretPath: "secret#x"}' }, "objects[0].secretPath"],
	["an encoded slash", { ...minimum, objects: "- {objectName: a, secretPath: secret/data/a%2Fb}" }, "objects[0].secretPath"],
	["encoded dots", { ...minimum, objects: "- {objectName: a, secretPath: secret/%2e%2e/sys}" }, "objects[0].secretPath"],
	["a control character", { ...minimum, objects: '- {objectName: a, secretPath: "secret/a\\nb"}' }, "objects[0].secretPath"],
	["no path", { ...minimum, objects: "- {objectName: a}" }, "objects[0].secretPath"],
	["a file name that climbs", { ...minimum, objects: "- {objectName: ../a, secretPath: b}" }, "objects[0].objectName"],
	["no file name", { ...minimum, objects: "- {secretPath: b}" }, "objects[0].objectName"],
	[
		"file and folder of one name",
		{ ...minimum, objects: "- {objectName: c, secretPath: b}\n- {objectName: c/d, secretPath: b}" },
		"objects",
	],
	[
		"a mode of more than nine bits",
		{ ...minimum, objects: "- {objectName: a, secretPath: b, filePermission: 04755}" },
		"objects[0].filePermission",
	],
	["a method that is none", { ...minimum, objects: '- {objectName: a, secretPath: b, method: "GET /x"}' }, "objects[0].method"],
	[
		"arguments that JSON lacks",
		{ ...minimum, objects: "- {objectName: a, secretPath: b, secretArgs: {x: .inf}}" },
		"objects[0].secretArgs",
	],
	["an address with a user", { ...minimum, vaultAddress: "https://allowed@evil/" }, "vaultAddress"],
	["a scheme of another kind", { ...minimum, vaultAddress: "file:///etc/passwd" }, "vaultAddress"],
	["a certificate without a key", { ...minimum, vaultTLSClientCertPath: "/c.pem" }, "vaultTLSClientKeyPath"],
	["a key without a certificate", { ...minimum, vaultTLSClientKeyPath: "/k.pem" }, "vaultTLSClientCertPath"],
	["a mount path that climbs", { ...minimum, vaultAuthMountPath: "../sys" }, "vaultAuthMountPath"],
	["a mount path under its old name", { ...minimum, vaultKubernetesMountPath: "a b" }, "vaultKubernetesMountPath"],
	["a namespace that breaks the header", { ...minimum, vaultNamespace: "a\r\nX-Evil: 1" }, "vaultNamespace"],
	["an alias", { ...minimum, objects: "- &a {objectName: a, secretPath: b}\n- *a" }, "objects"],
	["a merge key", { ...minimum, objects: "- {objectName: a, secretPath: b, <<: {}}" }, "objects"],
	["two documents", { ...minimum, objects: `${app}\n---\n${app}` }, "objects"],
	["a custom tag", { ...minimum, objects: "- !x {objectName: a, secretPath: b}" }, "objects"],
	["a tab", { ...minimum, objects: "-\tobjectName: a\n\tsecretPath: b" }, "objects"],
	["deep nesting", { ...minimum, objects: "[".repeat(10_000) }, "objects"],
	["deep nesting by dashes", { ...minimum, objects: "- ".repeat(10_000) }, "objects"],
	["a text of 2 MiB", { ...minimum, objects: `- {objectName: ${"x".repeat(2 ** 21)}}` }, "objects"],
	["more entries than are read", { ...minimum, objects: "- {}\n".repeat(1001) }, "objects"],
];

for (const [title, parameters, names] of ownRefusals) {
	test(`${title} is refused, naming ${names} and a remedy`, (t) => {
		const started = Date.now();
		const error = refusal(t, parameters);
		const fault = error.message.slice(error.message.indexOf(`${names} `));
		t.true(error.message.includes(`${names} `), error.message);
		t.regex(fault, /[a-z].*[.:] [A-Z(].*\.$/s, "a sentence with a remedy follows");
		t.true(Date.now() - started < 1000);
	});
}

test("all faults are told at once", (t) => {
	const error = refusal(t, {
		vaultAddress: "ftp://x",
		vaultSkipTLSVerify: "x",
		objects: "- {objectName: ../a, secretPath: a#b, secretKey: k, encoding: x}\n- {objectName: b, secretPath: c, filePermission: 01000}",
	});
	for (const name of [
		"vaultAddress",
		"vaultSkipTLSVerify",
		"roleName",
		"objects[0].objectName",
		"objects[0].secretPath",
		"objects[0].encoding",
	])
		t.true(error.message.includes(`${name} `), `${name} in ${error.message}`);
	t.true(error.message.includes("objects[1].filePermission "));
	t.is(error.legacyText, 'strconv.ParseBool: parsing "x": invalid syntax');
});

test("faults of the administrator's defaults are the policy's faults", (t) => {
	const defaults = fieldsOf("{address: 'ftp://x', tlsClientCertFile: /c, skipTlsVerify: maybe}", "dialects.vault");
	module.dialect?.("vault", defaults);
	t.deepEqual(
		defaults.faults.list.map((fault) => fault.path),
		["skipTlsVerify", "address", "tlsClientKeyFile"].map((key) => `dialects.vault.${key}`),
	);
});

test("no parameters crash the planner", (t) => {
	const names = [
		"roleName",
		"vaultAddress",
		"vaultNamespace",
		"vaultAuthMountPath",
		"vaultSkipTLSVerify",
		"audience",
		"objects",
		"__proto__",
	];
	const dialect = makeDialect("vault");
	const values = fc.oneof(
		fc.string({ unit: "binary" }),
		fc.json(),
		fc.constant(app),
		fc.stringMatching(/^(- )?[a-zA-Z]*: [[{&*!|>'"~0-9a-z]{0,8}/),
	);
	fc.assert(
		fc.property(fc.dictionary(fc.constantFrom(...names), values), (parameters) => {
			try {
				dialect.plan(makeRequest(parameters));
			} catch (error) {
				if (!(error instanceof ProviderError) || error.code !== "invalid") throw error;
			}
		}),
	);
	t.pass();
});
