import test from "ava";
import fc from "fast-check";
import { ProviderError } from "../../../provider/errors.ts";
import { filePathProblem } from "../../../provider/shared/file-path.ts";
import { makeAwsDialect } from "../../../provider/stores/aws/dialect.ts";
import { faultsOfText } from "../../cli/lint/run-lint.ts";
import { fieldsOf, objectOf, type Parameters, plan, refOf, render } from "./dialect-support.ts";

const arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:team/db-AbCdEf";
const parameterArn = "arn:aws:ssm:us-east-1:111122223333:parameter/app/one";

/** The files of one entry, in order, with their modes. */
function filesOf(entry: string, parameters: Parameters = {}): readonly (readonly [path: string, mode: number | undefined])[] {
	return plan({ objects: `- ${entry}`, ...parameters }).files.map(({ file }) => [file?.path ?? "", file?.mode] as const);
}

const nameCases: readonly (readonly [entry: string, pathTranslation: string, file: string])[] = [
	["{objectName: plain, objectType: secretsmanager}", "", "plain"],
	["{objectName: team/db, objectType: secretsmanager}", "", "team_db"],
	["{objectName: /app/one, objectType: ssmparameter}", "", "_app_one"],
	["{objectName: /app/one, objectType: ssmparameter}", "-", "-app-one"],
	["{objectName: /app/one, objectType: ssmparameter}", "$", "$app$one"],
	["{objectName: /app/one, objectType: ssmparameter}", "False", "app/one"],
	["{objectName: //app/one, objectType: ssmparameter}", "FALSE", "app/one"],
	["{objectName: /app/one, objectType: ssmparameter, objectAlias: cfg/one}", "", "cfg_one"],
	["{objectName: /app/one, objectType: ssmparameter, objectAlias: /cfg/one}", "false", "cfg/one"],
	[`{objectName: "${arn}"}`, "", arn.replace("/", "_")],
	[`{objectName: "${parameterArn}"}`, "False", parameterArn],
	["{objectName: 12345, objectType: secretsmanager}", "", "12345"],
	["{objectName: a, objectType: secretsmanager, objectAlias: 8080}", "", "8080"],
	["{objectName: a, objectType: secretsmanager, objectAlias: true}", "", "true"],
	["{objectName: a, objectType: secretsmanager, objectAlias: ~}", "", "a"],
	["{OBJECTNAME: a, objecttype: secretsmanager, objectalias: b}", "", "b"],
];

for (const [entry, pathTranslation, file] of nameCases) {
	test(`${entry} with pathTranslation ${pathTranslation || "as usual"} is the file ${file}`, (t) => {
		t.deepEqual(filesOf(entry, { pathTranslation }), [[file, 0o644]]);
		t.deepEqual(
			plan({ objects: `- ${entry}`, pathTranslation }).objects.map(({ name }) => name),
			[file],
		);
	});
}

test("a part's mode is its own, else the object's, else the request's", (t) => {
	const parts = "[{path: a, objectAlias: x}, {path: b, objectAlias: y/z, filePermission: '0440'}]";
	t.deepEqual(filesOf(`{objectName: s, objectType: secretsmanager, jmesPath: ${parts}}`), [
		["s", 0o644],
		["x", 0o644],
		["y_z", 0o440],
	]);
	t.deepEqual(filesOf(`{objectName: s, objectType: secretsmanager, filePermission: '0400', jmesPath: ${parts}}`), [
		["s", 0o400],
		["x", 0o400],
		["y_z", 0o440],
	]);
});

test("an object with parts is asked for once and has a version for each file", (t) => {
	const { objects } = plan({ objects: "- {objectName: s, objectType: secretsmanager, jmesPath: [{path: a, objectAlias: x}]}" });
	t.deepEqual(
		objects.map(({ name, path }) => [name, path]),
		[
			["s", "objects[0]"],
			["x", "objects[0].jmesPath[0]"],
		],
	);
	t.is(objects[0]?.ref, objects[1]?.ref);
});

const refCases: readonly (readonly [title: string, entry: string, parameters: Parameters, expected: object])[] = [
	["a secret", "{objectName: a/b, objectType: secretsmanager}", {}, { kind: "secret", id: "a/b", versionId: "", stage: "" }],
	[
		"version and label of a secret",
		"{objectName: a, objectType: secretsmanager, objectVersion: v-1, objectVersionLabel: AWSPREVIOUS}",
		{},
		{ versionId: "v-1", stage: "AWSPREVIOUS", failover: undefined },
	],
	["a secret's ARN", `{objectName: "${arn}"}`, {}, { kind: "secret", id: arn }],
	["a parameter's ARN", `{objectName: "${parameterArn}"}`, {}, { kind: "parameter", id: parameterArn, selector: "" }],
	[
		"a parameter's version",
		"{objectName: /a, objectType: ssmparameter, objectVersion: 3}",
		{},
		{ kind: "parameter", id: "/a", selector: "3" },
	],
	["a parameter's label", "{objectName: /a, objectType: ssmparameter, objectVersionLabel: live}", {}, { id: "/a", selector: "live" }],
	["a version behind a parameter's name", "{objectName: '/a/b:3', objectType: ssmparameter}", {}, { id: "/a/b", selector: "3" }],
	["a label behind a parameter's ARN", `{objectName: "${parameterArn}:live"}`, {}, { id: parameterArn, selector: "live" }],
	[
		"a failover region without an entry's own word",
		"{objectName: a, objectType: secretsmanager}",
		{ failoverRegion: "us-west-2" },
		{ failover: undefined },
	],
	[
		"a failover object",
		"{objectName: a, objectType: secretsmanager, objectAlias: x, failoverObject: {objectName: b, objectVersionLabel: l}}",
		{ failoverRegion: "us-west-2" },
		{ id: "a", failover: { id: "b", versionId: "", selector: "l" } },
	],
	[
		"a failover label alone, which counts without a name",
		"{objectName: a, objectType: secretsmanager, failoverObject: {objectVersionLabel: l}}",
		{ failoverRegion: "us-west-2" },
		{ failover: { id: "", versionId: "", selector: "l" } },
	],
	[
		"a failover label without a failover region, which is not used",
		"{objectName: a, objectType: secretsmanager, failoverObject: {objectVersionLabel: l}}",
		{},
		{ failover: undefined },
	],
	[
		"a failover parameter's label beside the first one's version, which wins",
		"{objectName: a, objectType: ssmparameter, objectVersion: 1, failoverObject: {objectVersionLabel: l}}",
		{ failoverRegion: "us-west-2" },
		{ selector: "1", failover: undefined },
	],
];

for (const [title, entry, parameters, expected] of refCases) {
	test(`what is asked for: ${title}`, (t) => {
		const planned = plan({ objects: `- ${entry}`, ...parameters });
		t.like(refOf(planned, planned.objects[0]?.name ?? ""), expected);
	});
}

test("an encrypted value is an object like any other, kept for an hour", (t) => {
	const key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
	const entry = `{objectName: db, objectType: kms, KEYID: "${key}", ciphertext: AQIC, context: {App: shop}, objectAlias: db.txt}`;
	const planned = plan({ objects: `- ${entry}` });
	t.deepEqual(planned.files[0]?.file, { path: "db.txt", mode: 0o644 });
	t.is(objectOf(planned, "db.txt").refreshSeconds, 3600);
	t.like(refOf(planned, "db.txt"), { kind: "ciphertext", keyId: key, objectName: "db", blob: Buffer.from("AQIC", "base64") });
	t.is(planned.explain?.(objectOf(planned, "db.txt"), new ProviderError("denied", "No.")), undefined);
});

test("the whole value is a file byte for byte, and so is each text that an expression selects", (t) => {
	const parts = ["{path: a.b, objectAlias: x}", "{path: empty, objectAlias: w}", "{path: 'to_string(port)', objectAlias: z}"];
	const planned = plan({ objects: `- {objectName: s, objectType: secretsmanager, jmesPath: [${parts.join(", ")}]}` });
	const value = '{"a": {"b": "ü\\n"}, "empty": "", "port": 12345678901234567890}\r\n';
	const files = render(planned, value);
	t.deepEqual(
		[...files].map(([path, { text }]) => [path, text]),
		[
			["s", value],
			["x", "ü\n"],
			["w", ""],
			["z", "12345678901234567890"],
		],
	);
});

const selectionCases: readonly (readonly [value: string, cause: string])[] = [
	['{"a": null}', "selects nothing, or null"],
	['{"b": 1}', "selects nothing, or null"],
	['{"a": 1}', "selects a number, and a file holds text"],
	['{"a": 1.0}', "selects a number, and a file holds text"],
	['{"a": true}', "selects a boolean, and a file holds text"],
	['{"a": ["hunter2"]}', "selects a list, and a file holds text"],
	['{"a": {"b": "hunter2"}}', "selects a mapping, and a file holds text"],
	["hunter2", "selects from a value that is no JSON"],
	["\u00ff\u0000", "selects from a value that is no JSON"],
];

for (const [type, text] of [
	["secretsmanager", "Failed to fetch secret from all regions. Verify secret exists and required permissions are granted for: s"],
	["ssmparameter", "Failed to fetch parameters from all regions."],
] as const) {
	for (const [value, cause] of selectionCases) {
		test(`${type}: of ${JSON.stringify(value)} the path a ${cause}`, (t) => {
			const planned = plan({ objects: `- {objectName: s, objectType: ${type}, jmesPath: [{path: a, objectAlias: x}]}` });
			const error = t.throws(() => render(planned, value), { instanceOf: ProviderError });
			t.is(error?.code, "invalid");
			t.is(error?.legacyText, text);
			t.true(error?.message.startsWith('objects[0].jmesPath[0].path of object "s": "a" '), error?.message);
			t.true(error?.message.includes(cause), error?.message);
			t.false(error?.text.includes("hunter2"));
		});
	}
}

test("a failed read has the words of today's provider, which are the same for all that is not final to it", (t) => {
	const planned = plan({ objects: "- {objectName: a/b, objectType: secretsmanager}\n- {objectName: /p, objectType: ssmparameter}" });
	const denied = new ProviderError("denied", "Denied.");
	t.is(
		planned.explain?.(objectOf(planned, "a_b"), denied),
		"Failed to fetch secret from all regions. Verify secret exists and required permissions are granted for: a/b",
	);
	t.is(planned.explain?.(objectOf(planned, "_p"), denied), "Failed to fetch parameters from all regions.");
	const final = new ProviderError("absent", "Absent.", { legacyText: "us-east-1: Failed fetching secret a/b: …" });
	t.is(planned.explain?.(objectOf(planned, "a_b"), final), "us-east-1: Failed fetching secret a/b: …");
});

test("an administrator's fault in the defaults shows when the policy is read", (t) => {
	const defaults = fieldsOf("region: nowhere", "dialects.aws");
	makeAwsDialect("aws", defaults);
	t.true(defaults.faults.list.some(({ path }) => path === "dialects.aws.region"));
});

test("the usual store is that of a class that says nothing", (t) => {
	const usual = makeAwsDialect("aws", fieldsOf("region: eu-west-1", "dialects.aws")).usualStore?.();
	t.is(
		usual?.instance.key,
		plan({ objects: "- {objectName: a, objectType: secretsmanager}", region: "eu-west-1" }).stores[0]?.instance.key,
	);
});

const fieldNames = ["objectName", "objectType", "objectAlias", "objectVersion", "objectVersionLabel", "filePermission", "jmesPath"];
const otherNames = ["failoverObject", "path", "keyId", "ciphertext", "envelope", "context", "__proto__", "constructor", "OBJECTNAME"];
const scalar = fc.oneof(
	fc.constantFrom(
		"a",
		"a/b",
		"../x",
		"/x",
		"..",
		".",
		"",
		"~",
		"0400",
		"'0400'",
		"'4644'",
		"secretsmanager",
		"ssmparameter",
		"kms",
		arn,
		"'['",
	),
	fc.constantFrom("'a'", "1.10", "yes", "on", "1e400", ".inf", "!!str 1", "&x a", "*x", "<<", "|", "\u0000", "'\u0001'"),
	fc.string({ unit: "grapheme", maxLength: 12 }).map((text) => JSON.stringify(text)),
	fc.string({ maxLength: 12 }),
);
const { node } = fc.letrec<{ node: string }>((tie) => ({
	node: fc.oneof(
		{ maxDepth: 4 },
		scalar,
		fc.array(tie("node"), { maxLength: 3 }).map((items) => `[${items.join(", ")}]`),
		fc
			.array(fc.tuple(fc.constantFrom(...fieldNames, ...otherNames), tie("node")), { maxLength: 5 })
			.map((entries) => `{${entries.map(([key, value]) => `${key}: ${value}`).join(", ")}}`),
	),
}));
const goodEntry = fc
	.record({
		objectName: fc.stringMatching(/^[a-e.]{1,4}(\/[a-e.]{0,3})?$/),
		objectType: fc.constantFrom("secretsmanager", "ssmparameter"),
		objectAlias: fc.option(fc.stringMatching(/^[a-e.]{1,4}(\/[a-e.]{0,3})?$/), { nil: undefined }),
		jmesPath: fc.option(
			fc.array(fc.record({ path: fc.constant("a"), objectAlias: fc.stringMatching(/^[a-e.]{1,4}(\/[a-e.]{0,3})?$/) }), { maxLength: 2 }),
			{ nil: undefined },
		),
	})
	.map((entry) => JSON.stringify(entry));

test("whatever stands in objects, a plan's files lie inside the volume and nothing but a ProviderError is thrown", (t) => {
	const asList = (items: readonly string[]) => items.map((item) => `- ${item}`).join("\n");
	const objects = fc.oneof(
		fc.array(goodEntry, { minLength: 1, maxLength: 3 }).map(asList),
		fc.array(fc.oneof(goodEntry, node), { maxLength: 4 }).map(asList),
		scalar,
		node,
	);
	const translation = fc.constantFrom("", "False", "_", "/", ".", "-", "\u0000");
	let planned = 0;
	fc.assert(
		fc.property(objects, translation, (text, pathTranslation) => {
			try {
				const { files, objects: planObjects } = plan({ objects: text, pathTranslation, failoverRegion: "us-west-2" });
				planned += 1;
				const paths = files.map(({ file }) => file?.path ?? "");
				t.deepEqual(
					paths.filter((path) => filePathProblem(path) !== undefined),
					[],
				);
				t.is(new Set(paths).size, paths.length);
				t.deepEqual(
					planObjects.map(({ name }) => name),
					paths,
				);
			} catch (error) {
				if (!(error instanceof ProviderError) || error.code !== "invalid") throw error;
			}
		}),
		{ numRuns: 1500 },
	);
	t.true(planned > 100, `only ${planned} plans were good`);
});

test("a text in quotes stays what it is, whatever it looks like", (t) => {
	const alias = fc.stringMatching(/^[\w.:@+=~-]{1,20}$/).filter((text) => filePathProblem(text) === undefined);
	fc.assert(
		fc.property(alias, (objectAlias) => {
			const quotedAlias = JSON.stringify(objectAlias);
			t.deepEqual(filesOf(`{objectName: a, objectType: secretsmanager, objectAlias: ${quotedAlias}}`), [[objectAlias, 0o644]]);
		}),
		{ numRuns: 200 },
	);
});

test("lint knows an entry's fields in any case, and tells of those that nobody reads", async (t) => {
	const entries = [
		"{OBJECTNAME: a, objecttype: secretsmanager, objectFormat: json}",
		"{objectName: b, objectType: secretsmanager, jmesPath: []}",
	];
	const lines = [
		"apiVersion: secrets-store.csi.x-k8s.io/v1",
		"kind: SecretProviderClass",
		"metadata: {name: app, namespace: shop}",
		"spec:",
		"  provider: aws",
		"  parameters:",
		"    region: us-east-1",
		"    objects: |",
		...entries.map((entry) => `      - ${entry}`),
	];
	const findings = await faultsOfText(lines.join("\n"));
	t.deepEqual(
		findings.map(({ rule, path }) => [rule, path]),
		[["field-unused", "spec.parameters.objects[0].objectFormat"]],
	);
});
