import test from "ava";
import { letIn, openSite, type Site } from "../../servers/conjur/site.ts";
import { makePod, mountAttributes } from "../../support/pods.ts";
import { type Annotated, annotation, classParameters, filesOf, type MounterOptions, type MountOptions, startMounter } from "./harness.ts";

/** What today's provider is tested for by its own project, case by case; its numbers are kept. What is missing here is in the README. */
interface Case {
	readonly number: number;
	readonly title: string;
	readonly changes?: Readonly<Record<string, string | undefined>>;
	readonly pod?: Annotated;
	readonly options?: MountOptions;
	readonly prepare?: (site: Site) => void;
	/** The beginning of the text of a refusal, whose status is always UNKNOWN. */
	readonly text?: string | RegExp;
	readonly files?: readonly (readonly [string, number, string])[];
	/** Part of a line that is logged as a warning. */
	readonly warning?: string;
}

const configuration = "CKCP013 Failed to create configuration from mount request parameters: ";
const secrets = '- "db.txt": db/password\n- "relative/path/fileA.txt": api/key';
const both = [
	["db.txt", 0o644, "hunter2"],
	["relative/path/fileA.txt", 0o644, "sesame"],
] as const;
const old = { "conjur.org/configurationVersion": "0.1.0" };
const pod = makePod();
const annotated = (text: string) => ({ uid: pod.uid, annotations: { [annotation]: text } });

const cases: readonly Case[] = [
	{
		number: 2,
		title: "another version of the configuration",
		changes: { "conjur.org/configurationVersion": "0.3.0" },
		text: `${configuration}CKCP006 Unsupported configuration version: "0.3.0"`,
	},
	{
		number: 2,
		title: "a version that only begins like one",
		changes: { "conjur.org/configurationVersion": "0.2" },
		text: `${configuration}CKCP006 Unsupported configuration version: "0.2"`,
	},
	{
		number: 4,
		title: "no token",
		options: { tokens: {} },
		text: `${configuration}CKCP008 Missing serviceaccount token for audience "conjur"`,
	},
	{
		number: 5,
		title: "two parameters missing",
		changes: { account: undefined, sslCertificate: undefined },
		text: `${configuration}CKCP009 Missing required Conjur config attributes: ["account" "sslCertificate"]`,
	},
	{
		number: 5,
		title: "all parameters missing",
		changes: { account: undefined, applianceUrl: undefined, authnId: undefined, sslCertificate: undefined },
		text: `${configuration}CKCP009 Missing required Conjur config attributes: ["account" "applianceUrl" "authnId" "sslCertificate"]`,
	},
	{
		number: 6,
		title: "0.1.0 without secrets",
		changes: { ...old, secrets: undefined },
		pod: annotated(secrets),
		text: `${configuration}CKCP010 Attribute "secrets" missing or empty`,
	},
	{
		number: 7,
		title: "0.1.0 with secrets that are no list",
		changes: { ...old, secrets: "db.txt: db/password" },
		text: `${configuration}CKCP011 Failed to unmarshal secrets spec: CKCP033 Failed to unmarshal YAML: yaml: unmarshal errors:\n  line 1: cannot unmarshal !!map into []map[string]string`,
	},
	{
		number: 8,
		title: "0.2.0 with neither annotation nor parameter",
		changes: { secrets: "" },
		pod: { uid: pod.uid, annotations: { [annotation]: "" } },
		text: `${configuration}CKCP035 Failed to retrieve pod annotations: CKCP034 Annotation "conjur.org/secrets" missing or empty`,
	},
	{
		number: 9,
		title: "a malformed annotation, which the parameter does not stand in for",
		pod: annotated("- [db.txt]"),
		text: `${configuration}CKCP011 Failed to unmarshal secrets spec: CKCP033 Failed to unmarshal YAML: yaml: unmarshal errors:\n  line 1: cannot unmarshal !!seq into map[string]string`,
	},
	// The driver's own fields are read for all dialects alike, in our words.
	{ number: 10, title: "a permission that is no number", options: { permission: '"abc"' }, text: "permission is not a file mode" },
	{
		number: 11,
		title: "a server that fails",
		prepare: ({ conjur }) => void conjur.faults.add({ kind: "status", status: 500, body: "secret words" }, { operation: "secrets.batch" }),
		text: "CKCP016 Failed to get Conjur secrets: CKCP031 Failed to retrieve batch secrets: 500 Internal Server Error. \n",
	},
	{
		number: 12,
		title: "0.1.0 with two secrets",
		changes: old,
		options: { permission: 0o400 },
		files: both.map(([file, , text]) => [file, 0o400, text]),
	},
	{ number: 13, title: "0.2.0 with the parameter for want of an annotation", pod: { uid: pod.uid }, files: both, warning: "CKCP042" },
	{
		number: 14,
		title: "0.2.0 with an annotation, beside which the parameter is not read",
		changes: { secrets: "not: a list" },
		pod: annotated("- other.txt: api/key"),
		files: [["other.txt", 0o644, "sesame"]],
	},
	{ number: 16, title: "an authnId without authn-jwt/", changes: { authnId: "kube" }, files: both },
	{ number: 16, title: "an authnId with conjur/authn-jwt/", changes: { authnId: "conjur/authn-jwt/kube" }, files: both },
	{
		number: 17,
		title: "an empty address",
		changes: { applianceUrl: "" },
		text: "CKCP016 Failed to get Conjur secrets: CKCP030 Failed to create Conjur client: Must specify an ApplianceURL\n",
	},
	{
		number: 18,
		title: "a list without entries, which the server refuses today",
		changes: { secrets: "[]" },
		text: "CKCP016 Failed to get Conjur secrets: CKCP031 Failed to retrieve batch secrets: 422 Unprocessable Entity. variable_ids.\n",
	},
	{
		number: 23,
		title: "a nested path",
		changes: { secrets: "- relative/path/fileA.txt: db/password" },
		files: [["relative/path/fileA.txt", 0o644, "hunter2"]],
	},
];

async function openPrepared(t: Parameters<typeof openSite>[0], prepare?: Case["prepare"]): Promise<Site> {
	const site = await openSite(t);
	site.conjur.variables.set("db/password", "hunter2");
	site.conjur.variables.set("api/key", "sesame");
	letIn(site.conjur, pod, ["db/password", "api/key"]);
	prepare?.(site);
	return site;
}

for (const { number, title, changes, pod: known, options, prepare, text, files, warning } of cases) {
	test(`${number}: ${title}`, async (t) => {
		const site = await openPrepared(t, prepare);
		const mounter: MounterOptions = { pods: { [pod.name]: known ?? { uid: pod.uid } } };
		const { mount, refusal, provider } = await startMounter(t, site, mounter);
		const parameters = classParameters(site.conjur, { secrets, ...changes });
		if (text !== undefined) {
			const error = await refusal(parameters, { pod, ...options });
			t.is(error.code, "UNKNOWN", error.details);
			t.true(error.details.startsWith(String(text)), error.details);
			return;
		}
		const mounted = await mount(parameters, { pod, ...options });
		t.deepEqual(filesOf(mounted), files);
		if (warning !== undefined) t.true(provider.logs.some((line) => line.includes('"level":"warn"') && line.includes(warning)));
		// 19: account and kind are no part of a version's id.
		t.true([...mounted.versions.keys()].every((id) => !id.includes(":")));
	});
}

test("1 and 3: attributes and tokens that are no JSON are told in the words of all dialects", async (t) => {
	const site = await openPrepared(t);
	const { provider } = await startMounter(t, site);
	const good = mountAttributes(pod, classParameters(site.conjur, { secrets }));
	const mounts = [
		["{", /attributes is not a JSON object/],
		[{ ...good, "csi.storage.k8s.io/serviceAccount.tokens": "{" }, /serviceAccount\.tokens is not a JSON object/],
	] as const;
	for (const [attributes, text] of mounts) {
		const error = await t.throwsAsync(provider.client("conjur").mount(attributes));
		t.regex(error?.message ?? "", text);
		t.regex(error?.message ?? "", /^UNKNOWN/);
	}
	t.deepEqual(site.conjur.counts(), {});
});

test("12: the versions are honest where today's are always 1: they move with the content, under the same ids", async (t) => {
	const site = await openPrepared(t);
	const { mount } = await startMounter(t, site);
	const parameters = classParameters(site.conjur, { ...old, secrets });
	const first = (await mount(parameters, { pod })).versions;
	t.deepEqual([...first.keys()].sort(), ["api/key", "db/password"]);
	site.conjur.variables.set("db/password", "hunter3");
	const second = (await mount(parameters, { pod })).versions;
	t.not(second.get("db/password"), first.get("db/password"));
	t.is(second.get("api/key"), first.get("api/key"));
});

test("15: Version echoes the driver's version", async (t) => {
	const { provider } = await startMounter(t, await openSite(t));
	const { version, runtimeName } = await provider.client("conjur").version();
	t.is(version, "v1alpha1");
	t.is(runtimeName, "claviger");
});
