import test from "ava";
import fc from "fast-check";
import { ProviderError } from "../../../provider/errors.ts";
import { Faults, faultsOf } from "../../../provider/plan/faults.ts";
import { Fields } from "../../../provider/plan/fields.ts";
import type { MountPlan } from "../../../provider/plan/mount-plan.ts";
import { readYaml } from "../../../provider/plan/yaml.ts";
import { Secret } from "../../../provider/shared/secret.ts";
import { makeGcpDialect } from "../../../provider/stores/gcp/dialect.ts";
import { readInstance } from "../../../provider/stores/gcp/instance.ts";
import { readGcpRef } from "../../../provider/stores/gcp/native-ref.ts";
import { isLocation, readResource } from "../../../provider/stores/gcp/resource.ts";
import type { Found } from "../../../provider/stores/store.ts";
import { clusterProvider, pool } from "../../servers/gcp/servers-support.ts";
import { requestOf } from "../../support/fake-store.ts";
import { makePod } from "../../support/pods.ts";

const resource = "projects/p/secrets/s/versions/latest";
const cluster = `{workloadPool: ${pool}, identityProvider: "${clusterProvider}"}`;

function fieldsOf(text: string): Fields {
	const node = readYaml(text);
	return new Fields(node instanceof Map ? node : new Map(), "", new Faults());
}

function plan(parameters: Readonly<Record<string, string>>, options = cluster): MountPlan {
	const defaults = fieldsOf(options);
	const dialect = makeGcpDialect("gcp", defaults);
	defaults.faults.throwIfAny("The policy file");
	return dialect.plan({ ...requestOf(makePod()), provider: "gcp", parameters: new Map(Object.entries(parameters)) });
}

function refusal(run: () => unknown): ProviderError {
	try {
		run();
	} catch (error) {
		if (error instanceof ProviderError) return error;
		throw error;
	}
	throw new Error("nothing was refused");
}

interface Refused {
	readonly parameters: Readonly<Record<string, string>>;
	/** How today's provider begins; absent where it has no words. */
	readonly legacyText?: string;
	/** The paths of the faults. */
	readonly paths: readonly string[];
}

const entry = (fields: string) => ({ secrets: `- {resourceName: ${resource}, ${fields}}` });

const refused: Readonly<Record<string, Refused>> = {
	"no secrets": { parameters: {}, legacyText: "missing required 'secrets' attribute", paths: ["secrets"] },
	"an empty text": { parameters: { secrets: "" }, paths: ["secrets"] },
	"an empty list": { parameters: { secrets: "[]" }, paths: ["secrets"] },
	"an unknown way to log in": {
		parameters: { auth: "magic", ...entry("path: f") },
		legacyText: 'unknown auth configuration: "magic"',
		paths: ["auth"],
	},
	"a mapping": {
		parameters: { secrets: "resourceName: x" },
		legacyText: "failed to unmarshal secrets attribute: yaml: unmarshal errors:\n  line 1: cannot unmarshal !!map into []*config.Secret",
		paths: ["secrets"],
	},
	"text that is no YAML": {
		parameters: { secrets: "- {" },
		legacyText: "failed to unmarshal secrets attribute: yaml: ",
		paths: ["secrets"],
	},
	"a mode in quotes": {
		parameters: entry('path: f, mode: "0400"'),
		legacyText: "failed to unmarshal secrets attribute: yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `0400` into int32",
		paths: ["secrets[0].mode"],
	},
	"a mode that the driver refuses": { parameters: entry("path: f, mode: 4095"), paths: ["secrets[0].mode"] },
	"a negative mode": {
		parameters: entry("path: f, mode: -1"),
		legacyText: "failed to unmarshal secrets attribute: yaml: unmarshal errors:",
		paths: ["secrets[0].mode"],
	},
	"no file": { parameters: entry("mode: 0400"), paths: ["secrets[0]"] },
	"a file outside of the volume": { parameters: entry("path: ../f"), paths: ["secrets[0].path"] },
	"an absolute file name": { parameters: entry("fileName: /f"), paths: ["secrets[0].fileName"] },
	"both keys": {
		parameters: entry("path: f, extractJSONKey: a, extractYAMLKey: b"),
		legacyText: `{${resource}  f}: both ExtractJSONKey and ExtractYAMLKey can't be simultaneously non empty strings`,
		paths: ["secrets[0].extractYAMLKey"],
	},
	"one file twice": {
		parameters: { secrets: `- {resourceName: ${resource}, path: f}\n- {resourceName: ${resource}, fileName: f}` },
		paths: ["secrets[1].fileName"],
	},
	"a file where another needs a folder": {
		parameters: { secrets: `- {resourceName: ${resource}, path: a}\n- {resourceName: ${resource}, path: a/b}` },
		paths: ["secrets[0].path"],
	},
	"a dash and nothing": { parameters: { secrets: `- {resourceName: ${resource}, path: a}\n-` }, paths: ["secrets[1]"] },
	"no resource": { parameters: { secrets: "- {path: f}" }, legacyText: "{  f}: unknown resource type", paths: ["secrets[0].resourceName"] },
	"another kind of resource": {
		parameters: { secrets: "- {resourceName: projects/p/topics/t, path: f}" },
		legacyText: "{projects/p/topics/t  f}: unknown resource type",
		paths: ["secrets[0].resourceName"],
	},
	"a location that is too long": {
		parameters: { secrets: `- {resourceName: projects/p/locations/${"l".repeat(31)}/secrets/s/versions/1, path: f}` },
		legacyText: `{projects/p/locations/${"l".repeat(31)}/secrets/s/versions/1  f}: rpc error: code = InvalidArgument desc = Invalid location: ${"l".repeat(31)}, location length exceeds limit`,
		paths: ["secrets[0].resourceName"],
	},
	"several things at once": {
		parameters: { auth: "x", secrets: "- {resourceName: a, path: ..}\n- {}" },
		legacyText: 'unknown auth configuration: "x"',
		paths: ["auth", "secrets[0].path", "secrets[1]", "secrets[0].resourceName", "secrets[1].resourceName"],
	},
};

for (const [title, { parameters, legacyText, paths }] of Object.entries(refused)) {
	test(`refused: ${title}`, (t) => {
		const error = refusal(() => plan(parameters));
		t.is(error.code, "invalid");
		if (legacyText === undefined) t.is(error.legacyText, undefined);
		else t.true(error.legacyText?.startsWith(legacyText), error.legacyText);
		t.deepEqual(
			faultsOf(error).map(({ path }) => path),
			paths,
		);
	});
}

test("a class of pods is refused where the administrator has not named the cluster, and others are not", (t) => {
	for (const options of ["{}", `{workloadPool: ${pool}}`, `{identityProvider: "${clusterProvider}"}`])
		t.regex(plan(entry("path: f"), options).stores[0]?.lacks?.remedy ?? "", /dialects\.gcp/, options);
	t.is(plan({ auth: "provider-adc", ...entry("path: f") }, "{}").stores[0]?.lacks, undefined);
	t.is(plan({ auth: "provider-adc", ...entry("path: f") }, "{}").stores[0]?.instance.loginBy, "node");
});

for (const [title, options, path] of [
	["a pool of another form", "{workloadPool: example.com}", "workloadPool"],
	["a cluster at another host", '{identityProvider: "https://evil.example/v1/projects/p/locations/l/clusters/c"}', "identityProvider"],
	["an environment without a cluster", "{clusterFrom: environment}", "clusterFrom"],
	["an address that is none", "{endpoints: {sts: nowhere}}", "endpoints.sts"],
	["an address of an unknown service", "{endpoints: {pubsub: https://x.example}}", "endpoints.pubsub"],
] as const) {
	test(`the administrator's defaults are refused: ${title}`, (t) => {
		const error = refusal(() => plan(entry("path: f"), options));
		t.is(faultsOf(error)[0]?.path, path);
	});
}

test("entries of one resource are one object, with files of their own; numbered versions are asked for less often", (t) => {
	const numbered = "projects/p/secrets/s/versions/3";
	const { objects, files } = plan({
		secrets: `- {resourceName: ${resource}, path: a}\n- {resourceName: ${resource}, path: b, mode: 0o440}\n- {resourceName: ${numbered}, path: c}`,
	});
	t.deepEqual(
		objects.map(({ name, refreshSeconds }) => [name, refreshSeconds]),
		[
			[resource, undefined],
			[numbered, 600],
		],
	);
	t.deepEqual(
		files.map(({ file }) => file),
		[
			{ path: "a", mode: 0o644 },
			{ path: "b", mode: 0o440 },
			{ path: "c", mode: 0o644 },
		],
	);
});

/** What the file of an entry with these fields holds, or why there is none. */
function extract(fields: string, value: string): string {
	const { files } = plan(entry(`path: f, ${fields}`));
	const found: Found = { kind: "found", value: new Secret(value), structure: "bytes" };
	try {
		return files[0]?.produce(new Map([[resource, found]]))[0]?.contents.toString() ?? "";
	} catch (error) {
		if (!(error instanceof ProviderError)) throw error;
		return error.legacyText?.replace(`{${resource}  f}: `, "") ?? error.message;
	}
}

const invalidJson = "failed to unmarshal JSON: Invalid JSON format for key extraction";
const invalidYaml = "failed to unmarshal YAML: Invalid YAML format for key extraction";

for (const [fields, value, expected] of [
	["extractJSONKey: a", '{"a": "x", "b": 1}', "x"],
	["extractJSONKey: a.b", '{"a.b": "dotted", "a": {"b": "nested"}}', "dotted"],
	["extractJSONKey: a", '{"a": ""}', ""],
	["extractJSONKey: a", '{"b": "x"}', "key 'a' not found in JSON"],
	["extractJSONKey: constructor", "{}", "key 'constructor' not found in JSON"],
	...["1", "true", "null", "{}", "[]"].map(
		(shown) => ["extractJSONKey: a", `{"a": ${shown}}`, "unsupported value type for key 'a'"] as const,
	),
	...["[]", "x", ""].map((shown) => ["extractJSONKey: a", shown, invalidJson] as const),
	["extractYAMLKey: a", "a: yes", "yes"],
	["extractYAMLKey: a", "a: x # a comment", "x"],
	["extractYAMLKey: a", 'a: "1"', "1"],
	["extractYAMLKey: a", "a: |\n  two\n  lines\n", "two\nlines\n"],
	["extractYAMLKey: a", '{"a": "JSON is YAML"}', "JSON is YAML"],
	["extractYAMLKey: a", "b: &one anchored\na: *one", "anchored"],
	["extractYAMLKey: a", "base: &base {a: merged}\n<<: *base", "merged"],
	["extractYAMLKey: a", "base: &base {a: merged}\n<<: *base\na: own", "own"],
	["extractYAMLKey: a", "b: x", "key 'a' not found in YAML"],
	...["1", "0o17", "1.5", "true", "null", "~", "2020-01-02", "{}", "[]", ""].map(
		(shown) => ["extractYAMLKey: a", `a: ${shown}`, "unsupported value type for key 'a'"] as const,
	),
	...["- a", "a: [", "a: *none", "a: x\na: y"].map((shown) => ["extractYAMLKey: a", shown, invalidYaml] as const),
] as const) {
	test(`${fields} of ${JSON.stringify(value)}`, (t) => {
		t.is(extract(fields, value), expected);
	});
}

test("whatever a class or a value holds, nothing but our own error is thrown, and no value is repeated", (t) => {
	fc.assert(
		fc.property(fc.string(), fc.string(), fc.string(), (secrets, auth, value) => {
			for (const parameters of [{ secrets, auth }, entry(`path: f, mode: ${value}`), entry(`extractYAMLKey: ${secrets}, path: f`)]) {
				try {
					plan(parameters);
				} catch (error) {
					if (!(error instanceof ProviderError) || error.code === "internal") throw error;
				}
			}
			for (const key of ["extractJSONKey", "extractYAMLKey"]) extract(`${key}: key`, value);
		}),
	);
	const marked = "geheim-4711";
	for (const value of [`{"a": "${marked}`, `a: [${marked}`, `{"b": "${marked}"}`, `a: *${marked}`])
		for (const key of ["extractJSONKey: a", "extractYAMLKey: a"]) t.false(extract(key, value).includes(marked), value);
});

test("texts that are stored as JSON and YAML are extracted as they are", (t) => {
	fc.assert(
		fc.property(fc.string({ unit: "grapheme" }), (text) => {
			const value = JSON.stringify({ before: 1, key: text });
			t.is(extract("extractJSONKey: key", value), text);
			t.is(extract("extractYAMLKey: key", value), text);
		}),
	);
});

test("no name makes a request for anything but a version, or a host but Google's", (t) => {
	const part = fc.oneof(fc.constantFrom("..", ".", "a", "x?y", "x#y", "%2e%2e", "secrets", ""), fc.string());
	fc.assert(
		fc.property(fc.array(part, { maxLength: 9 }), fc.constantFrom("projects/", "/projects/", ""), (parts, start) => {
			const read = readResource(`${start}${parts.join("/")}`);
			if (!("kind" in read)) return;
			t.true(read.location === "global" || isLocation(read.location));
			const url = new URL(
				`https://secretmanager.${read.location}.rep.googleapis.com/v1/${read.name.split("/").map(encodeURIComponent).join("/")}:access`,
			);
			t.true(url.hostname.endsWith(".rep.googleapis.com"));
			t.is(url.pathname.split("/").length, read.name.split("/").length + 2);
			t.is(url.search + url.hash, "");
		}),
	);
	t.true("kind" in readResource("projects/example.com:p/locations/europe-west3/parameters/p/versions/v1"));
	for (const name of [
		`//secretmanager.googleapis.com/${resource}`,
		`x/${resource}`,
		"projects/p/locations/Europe/secrets/s/versions/1",
		"projects/p/secrets/../versions/1",
	])
		t.false("kind" in readResource(name), name);
});

const native = readInstance(
	"main",
	fieldsOf(`{project: shop, location: europe-west3, workloadPool: ${pool}, identityProvider: "${clusterProvider}"}`),
);

for (const [text, expected] of [
	["{path: db}", "projects/shop/locations/europe-west3/secrets/db/versions/latest"],
	["{path: db, version: '3', location: global}", "projects/shop/secrets/db/versions/3"],
	["{path: db, project: other}", "projects/other/locations/europe-west3/secrets/db/versions/latest"],
	["{path: app, kind: parameter, version: v1}", "projects/shop/locations/europe-west3/parameters/app/versions/v1"],
	["{path: app, kind: parameter, version: v1, location: global}", "projects/shop/locations/global/parameters/app/versions/v1"],
	[`{path: ${resource}}`, resource],
	["{path: app, kind: parameter}", "version"],
	["{path: 'a b'}", "path"],
	["{path: db, location: Europe}", "location"],
	[`{path: ${resource}, version: '3'}`, "version"],
	["{path: a/b}", "path"],
	["{}", "path"],
] as const) {
	test(`the native entry ${text}`, (t) => {
		const fields = fieldsOf(text);
		const ref = readGcpRef(fields, native);
		const [fault, ...others] = fields.faults.list;
		t.deepEqual(others, []);
		t.is(fault?.path ?? ("name" in ref ? ref.name : ""), expected);
	});
}

test("the cluster may stand in the environment", (t) => {
	const environment = { PROJECT: "p", CLUSTER_LOCATION: "l", CLUSTER_NAME: "c" };
	const before = { ...process.env };
	t.teardown(() => {
		for (const name of Object.keys(environment)) if (before[name] === undefined) delete process.env[name];
	});
	Object.assign(process.env, environment);
	const instance = readInstance("main", fieldsOf("{clusterFrom: environment}"));
	t.is(instance.defaultAudience, "p.svc.id.goog");
	t.is(instance.identityProvider, "https://container.googleapis.com/v1/projects/p/locations/l/clusters/c");
});
