import test from "ava";
import type { AwsInstance } from "../../../provider/stores/aws/instance.ts";
import { instanceOf, type Parameters, plan, refusal } from "./dialect-support.ts";

const objects = "- {objectName: plain, objectType: secretsmanager}";
const arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:team/db-AbCdEf";
const parameterArn = "arn:aws:ssm:us-east-1:111122223333:parameter/app/one";
const failover = { failoverRegion: "us-west-2" };

interface LegacyCase {
	readonly title: string;
	readonly parameters: Parameters;
	readonly text: string;
	/** What our own text names. */
	readonly names: string;
}

function entry(title: string, yaml: string, text: string, names: string, parameters: Parameters = {}): LegacyCase {
	return { title, parameters: { ...parameters, objects: yaml }, text, names };
}

const unmarshal = "Failed to load SecretProviderClass: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal";

/** In the order in which today's provider checks. */
const legacyCases: readonly LegacyCase[] = [
	{
		title: "a failover region that is the region",
		parameters: { objects, failoverRegion: "us-east-1" },
		text: "us-east-1: failover region cannot be the same as the primary region",
		names: "failoverRegion",
	},
	{
		title: "usePodIdentity that is no boolean of Go's",
		parameters: { objects, usePodIdentity: "yes" },
		text: 'failed to parse usePodIdentity value, error: strconv.ParseBool: parsing "yes": invalid syntax',
		names: "usePodIdentity",
	},
	{
		title: "pathTranslation of two characters",
		parameters: { objects, pathTranslation: "__" },
		text: "pathTranslation must be either 'False' or a single character string",
		names: "pathTranslation",
	},
	{
		title: "pathTranslation of one character and two bytes",
		parameters: { objects, pathTranslation: "ü" },
		text: "pathTranslation must be either 'False' or a single character string",
		names: "pathTranslation",
	},
	entry("objects that are a mapping", "a: b", `${unmarshal} object into Go value of type []*provider.SecretDescriptor`, "objects"),
	entry("objects that are a text", "foo", `${unmarshal} string into Go value of type []*provider.SecretDescriptor`, "objects"),
	entry("an entry that is a text", "- foo", `${unmarshal} string into Go value of type provider.SecretDescriptor`, "objects[0]"),
	entry("an entry that is a number", "- 5", `${unmarshal} number into Go value of type provider.SecretDescriptor`, "objects[0]"),
	entry(
		"a name that is a list",
		"- {objectName: [a]}",
		`${unmarshal} array into Go struct field SecretDescriptor.objectName of type string`,
		"objects[0].objectName",
	),
	entry(
		"several values of wrong types, of which Go meets the first in the order of the alphabet",
		"- {objectName: [a], filePermission: {}, failoverObject: 5}",
		`${unmarshal} number into Go struct field SecretDescriptor.failoverObject of type provider.FailoverObjectEntry`,
		"objects[0].filePermission",
	),
	entry(
		"jmesPath that is a mapping",
		"- {jmesPath: {a: b}}",
		`${unmarshal} object into Go struct field SecretDescriptor.jmesPath of type []provider.JMESPathEntry`,
		"objects[0].jmesPath",
	),
	entry(
		"a part that is a text",
		"- {jmesPath: [x]}",
		`${unmarshal} string into Go struct field SecretDescriptor.jmesPath of type provider.JMESPathEntry`,
		"objects[0].jmesPath[0]",
	),
	entry(
		"a part's path that is a list",
		"- {jmesPath: [{path: [1]}]}",
		`${unmarshal} array into Go struct field JMESPathEntry.jmesPath.path of type string`,
		"objects[0].jmesPath[0].path",
	),
	entry(
		"a failover name that is a list",
		"- {failoverObject: {objectName: [1]}}",
		`${unmarshal} array into Go struct field FailoverObjectEntry.failoverObject.objectName of type string`,
		"objects[0].failoverObject.objectName",
	),
	entry("an empty entry", "- ", "Empty descriptor entry in SecretProviderClass", "objects[0]"),
	entry("an entry of null", "- ~", "Empty descriptor entry in SecretProviderClass", "objects[0]"),
	entry("no name", "- {objectType: secretsmanager}", "Object name must be specified", "objects[0].objectName"),
	entry(
		"a short ARN",
		"- {objectName: 'arn:aws:ssm:us-east-1'}",
		"Invalid ARN format in object name: arn:aws:ssm:us-east-1",
		"objects[0].objectName",
	),
	entry("an ARN of another region", `- {objectName: "${arn}"}`, `ARN region must match region eu-west-1: ${arn}`, "objects[0].objectName", {
		region: "eu-west-1",
	}),
	entry(
		"neither type nor ARN",
		"- {objectName: plain}",
		"Must use objectType when a full ARN is not specified: plain",
		"objects[0].objectType",
	),
	entry(
		"an ARN of another service",
		"- {objectName: 'arn:aws:s3:us-east-1:111122223333:bucket'}",
		"Invalid service in ARN: s3",
		"objects[0].objectName",
	),
	entry("the word ssm as type", "- {objectName: a, objectType: ssm}", "Invalid objectType: ssm", "objects[0].objectType"),
	entry(
		"a type in other case",
		"- {objectName: a, objectType: SecretsManager}",
		"Invalid objectType: SecretsManager",
		"objects[0].objectType",
	),
	entry(
		"an ARN of the other service",
		`- {objectName: "${arn}", objectType: ssmparameter}`,
		`objectType does not match ARN: ${arn}`,
		"objects[0].objectName",
	),
	entry(
		"a parameter's version and label",
		"- {objectName: /app/two, objectType: ssmparameter, objectVersion: 2, objectVersionLabel: live}",
		"ssm parameters can not specify both objectVersion and objectVersionLabel: /app/two",
		"objects[0].objectVersionLabel",
	),
	...["../x", "a/../b", "a/.."].map((alias) =>
		entry(
			`the path ${alias} without translation`,
			`- {objectName: a, objectType: secretsmanager, objectAlias: ${alias}}`,
			"path can not contain ../: a",
			"objects[0].objectAlias",
			{ pathTranslation: "False" },
		),
	),
	...["0400", "400", "'400'", "'0800'", "rw-r--r--", "0o400", "'00400'", "' 400'"].map((mode) =>
		entry(
			`the mode ${mode}`,
			`- {objectName: a, objectType: secretsmanager, filePermission: ${mode}}`,
			`Invalid File Permission: ${mode === "0400" || mode === "0o400" ? "256" : mode.replaceAll("'", "")}`,
			"objects[0].filePermission",
		),
	),
	entry(
		"a part without a path",
		"- {objectName: a, objectType: secretsmanager, jmesPath: [{objectAlias: x}]}",
		"Path must be specified for JMES object",
		"objects[0].jmesPath[0].path",
	),
	entry(
		"a part of null",
		"- {objectName: a, objectType: secretsmanager, jmesPath: [~]}",
		"Path must be specified for JMES object",
		"objects[0].jmesPath[0].objectAlias",
	),
	entry(
		"a part without an alias",
		"- {objectName: a, objectType: secretsmanager, jmesPath: [{path: x}]}",
		"Object alias must be specified for JMES object",
		"objects[0].jmesPath[0].objectAlias",
	),
	entry(
		"a part's mode",
		"- {objectName: a, objectType: secretsmanager, jmesPath: [{path: x, objectAlias: y, filePermission: 0440}]}",
		"Invalid File Permission: 288",
		"objects[0].jmesPath[0].filePermission",
	),
	entry(
		"a failover object without an alias",
		"- {objectName: a, objectType: secretsmanager, failoverObject: {objectName: b}}",
		"object alias must be specified for objects with failover entries: a",
		"objects[0].objectAlias",
		failover,
	),
	entry(
		"a failover object without a failover region",
		"- {objectName: a, objectType: secretsmanager, objectAlias: c, failoverObject: {objectName: b}}",
		"failover object allowed only when failover region is defined: a",
		"objects[0].failoverObject",
	),
	entry(
		"a failover ARN of the first region",
		`- {objectName: a, objectType: secretsmanager, objectAlias: c, failoverObject: {objectName: "${arn}"}}`,
		`ARN region must match region us-west-2: ${arn}`,
		"objects[0].failoverObject.objectName",
		failover,
	),
	entry(
		"a failover name without a type",
		`- {objectName: "${arn}", objectAlias: c, failoverObject: {objectName: b}}`,
		"Must use objectType when a full ARN is not specified: b",
		"objects[0].objectType",
		failover,
	),
	entry(
		"a failover ARN of the other service",
		`- {objectName: a, objectType: secretsmanager, objectAlias: c, failoverObject: {objectName: "${parameterArn.replace("east-1", "west-2")}"}}`,
		`objectType does not match ARN: ${parameterArn.replace("east-1", "west-2")}`,
		"objects[0].failoverObject.objectName",
		failover,
	),
	entry(
		"version and label of a failover parameter",
		"- {objectName: a, objectType: ssmparameter, objectAlias: c, objectVersion: 1, failoverObject: {objectName: b, objectVersion: 1, objectVersionLabel: l}}",
		"ssm parameters can not specify both objectVersion and objectVersionLabel: a",
		"objects[0].failoverObject.objectVersionLabel",
		failover,
	),
	entry(
		"versions that differ between the regions",
		"- {objectName: a, objectType: ssmparameter, objectAlias: c, objectVersion: 1, failoverObject: {objectName: b}}",
		"object versions must match between primary and failover regions: a",
		"objects[0].failoverObject.objectVersion",
		failover,
	),
	entry(
		"one name twice",
		"- {objectName: a, objectType: ssmparameter}\n- {objectName: a, objectType: ssmparameter}",
		"found descriptor with duplicate object name a, no object alias, and no version label",
		"objects[1].objectName",
	),
	entry(
		"one name and alias twice",
		"- {objectName: a, objectType: ssmparameter, objectAlias: b}\n- {objectName: a, objectType: ssmparameter, objectAlias: b}",
		"found descriptor with duplicate object name a, duplicate object alias b, and no version label",
		"objects[1].objectName",
	),
	entry(
		"one name and label twice",
		"- {objectName: a, objectType: ssmparameter, objectVersionLabel: l}\n- {objectName: a, objectType: ssmparameter, objectVersionLabel: l}",
		"found descriptor with duplicate object name a, no object alias, and duplicate version label l",
		"objects[1].objectName",
	),
	entry(
		"one name, alias and label twice",
		"- {objectName: a, objectType: ssmparameter, objectAlias: b, objectVersionLabel: l}\n- {objectName: a, objectType: ssmparameter, objectAlias: b, objectVersionLabel: l}",
		"found descriptor with duplicate object name a, duplicate object alias b, and duplicate version label l",
		"objects[1].objectName",
	),
	entry(
		"one alias twice",
		"- {objectName: a, objectType: ssmparameter, objectAlias: x}\n- {objectName: b, objectType: ssmparameter, objectAlias: x}",
		"found duplicate object alias x",
		"objects[1].objectAlias",
	),
	entry(
		"one name and alias with two labels",
		"- {objectName: a, objectType: ssmparameter, objectAlias: x, objectVersionLabel: k}\n- {objectName: a, objectType: ssmparameter, objectAlias: x, objectVersionLabel: l}",
		"found duplicate object alias x",
		"objects[1].objectAlias",
	),
	entry(
		"a part's alias that an object has",
		"- {objectName: a, objectType: ssmparameter, objectAlias: x}\n- {objectName: b, objectType: ssmparameter, jmesPath: [{path: .username, objectAlias: x}]}",
		"Name already in use for objectAlias: found duplicate object alias x in JMES path entry .username",
		"objects[1].jmesPath[0].objectAlias",
	),
	entry(
		"an expression that is none, which today's provider meets while it fetches",
		"- {objectName: a, objectType: secretsmanager, jmesPath: [{path: '[', objectAlias: x}]}",
		"Failed to fetch secret from all regions. Verify secret exists and required permissions are granted for: a",
		"objects[0].jmesPath[0].path",
	),
];

for (const { title, parameters, text, names } of legacyCases) {
	test(`${title}: the words of today's provider come first, and ours name the place`, (t) => {
		const error = refusal(t, parameters);
		t.is(error.legacyText, text);
		t.true(error.message.includes(names), error.message);
	});
}

test("YAML that is none begins as today's provider's text about it does", (t) => {
	for (const yaml of [
		"a: [",
		"- {objectName: a, objectName: b}",
		"- &x {objectName: a}\n- *x",
		"- {objectName: a}\n---\n- {objectName: b}",
	]) {
		const error = refusal(t, { objects: yaml });
		t.true(error.legacyText?.startsWith("Failed to load SecretProviderClass: error converting YAML to JSON: yaml: "), error.legacyText);
		t.true(error.message.includes("objects is not YAML as it is read here"), error.message);
	}
});

test("all faults are told at once, today's first one first", (t) => {
	const yaml = "- {objectName: a, objectType: ssm, filePermission: 0400}\n- ~\n- {objectType: kms}\n- {objectName: b}";
	const error = refusal(t, { objects: yaml, pathTranslation: "xyz", usePodIdentity: "maybe", failoverRegion: "us-east-1" });
	t.is(error.legacyText, "us-east-1: failover region cannot be the same as the primary region");
	const expected = ["failoverRegion", "usePodIdentity", "pathTranslation", "objects[0].objectType", "objects[0].filePermission"];
	for (const place of [...expected, "objects[1]", "objects[2].objectName", "objects[2].keyId", "objects[3].objectType"]) {
		t.true(error.message.includes(` ${place} `), `${place}: ${error.message}`);
	}
});

const ownCases: readonly (readonly [title: string, parameters: Parameters, names: readonly string[]])[] = [
	["no objects", {}, ["objects is missing or lists nothing"]],
	["an empty list", { objects: "[]" }, ["objects is missing or lists nothing"]],
	["a region that is none", { objects, region: "us-east-1.evil.example/" }, ["region is"]],
	["a failover region that is none", { objects, failoverRegion: "x" }, ["failoverRegion is"]],
	[
		"two names that are equal once translated",
		{ objects: "- {objectName: a/b, objectType: secretsmanager}\n- {objectName: a_b, objectType: secretsmanager}" },
		["objects[1].objectName", '"a_b"', "objects[0].objectName"],
	],
	[
		"an alias that is another object's name",
		{ objects: "- {objectName: a, objectType: secretsmanager}\n- {objectName: b, objectType: secretsmanager, objectAlias: a}" },
		["objects[1].objectAlias", "objects[0].objectName"],
	],
	[
		"one name with two labels and no alias",
		{
			objects:
				"- {objectName: a, objectType: secretsmanager}\n- {objectName: a, objectType: secretsmanager, objectVersionLabel: AWSPREVIOUS}",
		},
		["objects[1].objectName"],
	],
	[
		"a file where another needs a folder",
		{
			objects: "- {objectName: a/b, objectType: secretsmanager}\n- {objectName: a, objectType: secretsmanager}",
			pathTranslation: "false",
		},
		["objects[1].objectName", '"a/b"'],
	],
	[
		"a part's path that leaves the volume",
		{
			objects: "- {objectName: a, objectType: secretsmanager, jmesPath: [{path: x, objectAlias: ../y}]}",
			pathTranslation: "false",
		},
		["objects[0].jmesPath[0].objectAlias"],
	],
	[
		"a name that starts with two dots once translated",
		{ objects: "- {objectName: ../x, objectType: secretsmanager}" },
		["objects[0].objectName"],
	],
	[
		"a mode with bits that no file of a volume has",
		{ objects: "- {objectName: a, objectType: secretsmanager, filePermission: '4644'}" },
		["objects[0].filePermission is 4644"],
	],
	[
		"two fields that differ in case",
		{ objects: "- {objectName: a, OBJECTNAME: b, objectType: secretsmanager}" },
		["objects[0].OBJECTNAME"],
	],
];

for (const [title, parameters, names] of ownCases) {
	test(`${title}: refused, where today's provider or the driver fails later or not at all`, (t) => {
		const error = refusal(t, parameters);
		for (const name of names) t.true(error.message.includes(name), error.message);
	});
}

test("today's provider compares an entry with the last one of its name alone; what it misses is found by the file's path", (t) => {
	const entries = ["", ", objectAlias: x", ""].map((alias) => `- {objectName: a, objectType: secretsmanager${alias}}`);
	const error = refusal(t, { objects: entries.join("\n") });
	t.is(error.legacyText, undefined);
	t.true(error.message.includes('objects[2].objectName makes the file "a", as does objects[0].objectName'), error.message);
});

const instanceCases: readonly (readonly [title: string, parameters: Parameters, defaults: string, expected: Partial<AwsInstance>])[] = [
	["a class's region", { region: "eu-west-1" }, "", { region: "eu-west-1", failoverRegion: undefined, identity: "web" }],
	["the administrator's region", { region: "" }, "region: eu-central-1", { region: "eu-central-1" }],
	["a class's region over the administrator's", { region: "eu-west-1" }, "region: eu-central-1", { region: "eu-west-1" }],
	["a failover region", { failoverRegion: "us-west-2" }, "", { failoverRegion: "us-west-2" }],
	...["1", "t", "T", "TRUE", "true", "True"].map(
		(text) => [`usePodIdentity ${text}`, { usePodIdentity: text }, "", { identity: "pod" }] as const,
	),
	...["0", "f", "F", "FALSE", "false", "False", ""].map(
		(text) => [`usePodIdentity ${text}`, { usePodIdentity: text }, "", { identity: "web" }] as const,
	),
	["the administrator's way to log in", {}, "identity: pod", { identity: "pod" }],
	["a class's way to log in over the administrator's", { usePodIdentity: "false" }, "identity: pod", { identity: "web" }],
	...["ipv4", "IPv4", "IPV4"].map(
		(text) => [`the address type ${text}`, { preferredAddressType: text }, "", { agentAddressType: "ipv4" }] as const,
	),
	["the address type IPv6", { preferredAddressType: "IPv6" }, "", { agentAddressType: "ipv6" }],
	["an address type that is none", { preferredAddressType: "both" }, "", { agentAddressType: "auto" }],
];

for (const [title, parameters, defaults, expected] of instanceCases) {
	test(`the store follows from the parameters: ${title}`, (t) => {
		const identity = parameters["preferredAddressType"] === undefined ? {} : { usePodIdentity: "true" };
		t.like(instanceOf(plan({ objects, ...identity, ...parameters }, defaults)), expected);
	});
}

test("the pod's token is that for the way to log in, and the role is the service account's", (t) => {
	t.like(plan({ objects }).stores[0], { audience: "sts.amazonaws.com", role: "", origin: "policy" });
	t.like(plan({ objects, usePodIdentity: "true" }).stores[0], { audience: "pods.eks.amazonaws.com", role: "", origin: "policy" });
});

test("a pod without the token hears the words of today's provider", (t) => {
	const [web, agent] = [plan({ objects }).stores[0], plan({ objects, usePodIdentity: "true" }).stores[0]];
	const hint = "ensure tokenRequests is configured in CSIDriver";
	t.is(web?.missingTokenText?.(false), `CSI token error: serviceAccount.tokens not provided - ${hint} - ${hint} spec`);
	const ending = "not found - ensure tokenRequests includes this audience in CSIDriver";
	t.is(web?.missingTokenText?.(true), `IRSA token extraction failed: token for audience "sts.amazonaws.com" ${ending}`);
	t.is(agent?.missingTokenText?.(true), `Pod Identity token extraction failed: token for audience "pods.eks.amazonaws.com" ${ending}`);
});

test("what has no meaning for an encrypted value is refused in its entry", (t) => {
	const failoverObject = "{objectName: a, objectVersion: 1, objectVersionLabel: l}";
	const entry = `{objectName: a, objectType: kms, keyId: alias/shop, ciphertext: AQIC, objectVersion: 1, objectVersionLabel: l, failoverObject: ${failoverObject}}`;
	const error = refusal(t, { objects: `- ${entry}`, ...failover });
	for (const field of ["objectVersion", "objectVersionLabel"]) {
		for (const place of [field, `failoverObject.${field}`]) t.true(error.message.includes(`objects[0].${place} stands in`), error.message);
	}
	t.true(error.message.includes("objects[0].failoverObject.objectName stands in"), error.message);
});

test("a preference among the agent's addresses makes no other store where no agent is asked", (t) => {
	t.is(instanceOf(plan({ objects, preferredAddressType: "ipv6" })).key, instanceOf(plan({ objects })).key);
});
