import test from "ava";
import fc from "fast-check";
import { ProviderError } from "../../../provider/errors.ts";
import { Faults } from "../../../provider/plan/faults.ts";
import { Fields } from "../../../provider/plan/fields.ts";
import type { MountRequest } from "../../../provider/plan/mount-request.ts";
import { readYaml } from "../../../provider/plan/yaml.ts";
import { batchPath, groupsOf, isBatchable } from "../../../provider/stores/conjur/groups.ts";
import { module } from "../../../provider/stores/conjur/index.ts";
import { type ConjurInstance, makeInstance } from "../../../provider/stores/conjur/instance.ts";
import { type ConjurRef, makeRef } from "../../../provider/stores/conjur/ref.ts";
import { fullId, readVariableId } from "../../../provider/stores/conjur/variable-id.ts";
import type { Dialect } from "../../../provider/stores/module.ts";
import { startConjur } from "../../servers/conjur/conjur.ts";
import { makePod } from "../../support/pods.ts";
import { annotation } from "./harness.ts";

let certificate: string;
test.before(async () => {
	const conjur = await startConjur(undefined);
	certificate = conjur.authority;
	await conjur.stop();
});

function fieldsOf(yaml: string): Fields {
	const node = readYaml(yaml);
	return new Fields(node instanceof Map ? node : new Map(), "dialects.conjur", new Faults());
}

function dialectWith(defaults = ""): Dialect {
	const dialect = module.dialect?.("conjur", fieldsOf(defaults));
	if (dialect === undefined) throw new Error("no dialect");
	return dialect;
}

function requestOf(changes: Readonly<Record<string, string>>, overrides: Partial<MountRequest> = {}): MountRequest {
	const parameters = {
		account: "acme",
		applianceUrl: "https://conjur.example/",
		authnId: "kube",
		sslCertificate: certificate,
		...changes,
	};
	return {
		provider: "conjur",
		pod: makePod(),
		tokens: new Map(),
		parameters: new Map(Object.entries(parameters)),
		credentials: new Map(),
		defaultMode: 0o644,
		targetPath: "/target",
		currentVersions: new Map(),
		signal: new AbortController().signal,
		...overrides,
	};
}

const plan = (changes: Readonly<Record<string, string>>, overrides?: Partial<MountRequest>, dialect = dialectWith()) =>
	dialect.plan(requestOf(changes, overrides));

function refused(changes: Readonly<Record<string, string>>, overrides?: Partial<MountRequest>): ProviderError {
	try {
		plan(changes, overrides);
	} catch (error) {
		if (error instanceof ProviderError) return error;
		throw error;
	}
	throw new Error("it was planned");
}

test("a list makes one object a variable and one file a pair", (t) => {
	const secrets = "- {a: db/password, b: db/password}\n- c: acme:variable:db/password\n- d: other:variable:x\n- 5: 017\n- e: ~";
	const withoutNull = secrets.replace("\n- e: ~", "");
	const { objects, files } = plan({ secrets: withoutNull }, { podAnnotations: new Map() });
	t.deepEqual(
		objects.map(({ name, path }) => [name, path]),
		[
			["db/password", "secrets[0]"],
			["other:variable:x", "secrets[2]"],
			["017", "secrets[3]"],
		],
	);
	t.deepEqual(
		files.map(({ file, objects: from }) => [file?.path, file?.mode, from[0]]),
		[
			["a", 0o644, "db/password"],
			["b", 0o644, "db/password"],
			["c", 0o644, "db/password"],
			["d", 0o644, "other:variable:x"],
			["5", 0o644, "017"],
		],
	);
	t.regex(refused({ secrets }).message, /secrets\[4\] takes "e" from "", which names no variable/);
});

for (const [written, account, id] of [
	["db/password", "acme", "db/password"],
	["variable:db/password", "acme", "db/password"],
	["acme:variable:db/password", "acme", "db/password"],
	["other:variable:a:b", "other", "a:b"],
	["a:b", "acme", "a:b"],
	["a:variable", "acme", "a:variable"],
	[":variable:x", "acme", ":variable:x"],
	["variable:variable:x", "acme", "variable:x"],
] as const) {
	test(`the variable ${written} is ${account}:variable:${id}`, (t) => t.deepEqual(readVariableId(written, "acme"), { account, id }));
}

test("a full name means what it is made of, whatever it holds", (t) => {
	const account = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/).filter((text) => text !== "variable");
	const id = fc.string({ unit: "grapheme", minLength: 1, maxLength: 100 }).filter((text) => text.trim() !== "" && !/\p{Cc}/u.test(text));
	fc.assert(
		fc.property(account, id, account, (owner, name, usual) => {
			t.deepEqual(readVariableId(fullId({ account: owner, id: name }), usual), { account: owner, id: name });
		}),
	);
});

test("no text breaks the list's reader", (t) => {
	fc.assert(
		fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^(?:[-:{}[\]"' a~&*!|>\n#,]|\ud800)*$/)), (secrets) => {
			try {
				const { objects, files } = plan({ secrets });
				t.true(files.every(({ file, objects: [name] }) => file === undefined || objects.some((object) => object.name === name)));
			} catch (error) {
				t.true(error instanceof ProviderError && error.code === "invalid", String(error));
			}
		}),
		{ numRuns: 500 },
	);
});

test("batches hold every ref once, in order, and none is longer than a request line may be", (t) => {
	const ref = fc
		.record({ id: fc.string({ unit: "grapheme", minLength: 1, maxLength: 300 }), isDynamic: fc.boolean() })
		.map(({ id, isDynamic }) => makeRef({ account: "acme", id: `${isDynamic ? "data/dynamic/" : ""}${id.toWellFormed()}` }));
	fc.assert(
		fc.property(fc.array(ref, { maxLength: 400 }), (refs: readonly ConjurRef[]) => {
			const groups = groupsOf(refs);
			t.deepEqual(groups.flat(), refs);
			for (const group of groups) {
				t.true(group.length > 0 && group.length <= 250);
				t.true(group.length === 1 || batchPath(group).length <= 6100);
				t.true(group.filter(({ id }) => id.startsWith("data/dynamic/")).length <= 10);
			}
		}),
		{ numRuns: 50 },
	);
	t.false(isBatchable(makeRef({ account: "acme", id: "a,b" })));
});

for (const [what, secrets, text] of [
	["a path out of the volume", "- ../f: x", /"\.\.\/f": the path has an element that starts with/],
	["an absolute path", "- /etc/f: x", /is absolute/],
	["one path twice", "- f: x\n- f: y", /secrets\[1\] writes to "f", as secrets\[0\] does/],
	["a file where another needs a folder", "- f: x\n- f/g: y", /needs a folder/],
	["a list in the place of a variable", "- f: [x]", /cannot unmarshal !!seq into string/],
	["an alias", "- &a {f: x}\n- *a", /uses the alias/],
	["one path twice in one pair", "- {f: x, f: y}", /already defined at line 1/],
	["a list of nothing", "  ", /lists nothing/],
] as const) {
	test(`${what} is a fault of the class`, (t) => t.regex(refused({ secrets }).message, text));
}

test("all faults are told at once, today's first one first", (t) => {
	const error = refused({ "conjur.org/configurationVersion": "1", secrets: "- ../f: x", sslCertificate: "none" });
	t.true(
		error.text.startsWith(
			'CKCP013 Failed to create configuration from mount request parameters: CKCP006 Unsupported configuration version: "1"\n',
		),
	);
	for (const name of ["conjur.org/configurationVersion", "secrets[0]", "sslCertificate"])
		t.true(error.message.includes(name), error.message);
});

test("where the API server does not say, the text says whom it did not say it of", (t) => {
	const podAnnotations = new ProviderError("invalid", "The API server answered 403 to get of the pod shop/web-0.", {
		remedy: "Set readPodAnnotations.enabled.",
	});
	const error = refused({}, { podAnnotations });
	const expected =
		'CKCP013 Failed to create configuration from mount request parameters: CKCP035 Failed to retrieve pod annotations: CKCP033 Failed to unmarshal YAML: CKCP039 Failed to get pod "web-0" in namespace "shop": The API server answered 403';
	t.true(error.text.startsWith(expected), error.text);
	t.true(error.text.includes("readPodAnnotations.enabled"));
	const { files, warnings } = plan({ secrets: "- f: x" }, { podAnnotations });
	t.is(files.length, 1);
	t.regex(warnings?.[0] ?? "", /^CKCP042 .*answered 403/);
});

test("a class by itself is planned without a pod, also one whose list stands at the pods alone", (t) => {
	const filesOf = (changes: Readonly<Record<string, string>>) => plan(changes).files.map(({ file }) => file?.path);
	t.deepEqual(filesOf({ secrets: "- f: x" }), ["f", undefined], "of what an annotation may say nothing is known");
	t.deepEqual(filesOf({}), [undefined]);
	t.deepEqual(filesOf({ secrets: "- f: x", "conjur.org/configurationVersion": "0.1.0" }), ["f"]);
	t.deepEqual(dialectWith().podAnnotations?.(requestOf({})), [annotation]);
	t.deepEqual(dialectWith().podAnnotations?.(requestOf({ "conjur.org/configurationVersion": "0.2.0" })), [annotation]);
	t.deepEqual(dialectWith().podAnnotations?.(requestOf({ "conjur.org/configurationVersion": "0.1.0" })), []);
});

const options = { account: "acme", service: "kube", caCertificate: "", caFile: "" };
const made = (address: string): ConjurInstance =>
	makeInstance({ ...options, address, name: "main", bringsOwnTrust: false }, () => undefined);

for (const [address, text] of [
	["https://conjur.example/", "https://conjur.example"],
	["https://conjur.example/base", "https://conjur.example/base"],
	["https://acme.secretsmgr.cyberark.cloud", "https://acme.secretsmgr.cyberark.cloud/api"],
	["https://acme.secretsmgr.cyberark.cloud/api/", "https://acme.secretsmgr.cyberark.cloud/api"],
	["https://ACME.secretsmgr.integration-cyberark.cloud", "https://acme.secretsmgr.integration-cyberark.cloud/api"],
	["https://acme.secretsmgr.cyberark.cloud.example", "https://acme.secretsmgr.cyberark.cloud.example"],
] as const) {
	test(`the address ${address} is asked at ${text}`, (t) => {
		t.is(made(address).address.text, text);
		t.is(made(address).isCloud, text.endsWith(".cloud/api"));
	});
}

test("who may choose what: the administrator's server is trusted, the class's own is judged", (t) => {
	const defaults = `{address: "https://conjur.example", account: acme, service: kube, caCertificate: ${JSON.stringify(certificate)}}`;
	const store = (changes: Readonly<Record<string, string>>) => plan({ secrets: "- f: x", ...changes }, {}, dialectWith(defaults)).stores[0];
	t.is(store({})?.origin, "policy");
	t.is(store({ applianceUrl: "https://other.example" })?.origin, "parameters");
	t.false(store({ applianceUrl: "https://other.example", sslCertificate: "" })?.instance.bringsOwnTrust);
	t.true(plan({ secrets: "- f: x" }).stores[0]?.instance.bringsOwnTrust);
	const bare = dialectWith('{address: "https://conjur.example", account: acme, service: kube}');
	const own = plan({ secrets: "- f: x" }, {}, bare).stores[0];
	t.deepEqual([own?.origin, own?.instance.bringsOwnTrust], ["parameters", true], "its own trust at the administrator's address");
	const unsaid = plan({ secrets: "- f: x", sslCertificate: "" }, {}, dialectWith(defaults)).stores[0];
	t.is(unsaid?.origin, "policy");
	t.regex(unsaid?.instance.key ?? "", /BEGIN CERTIFICATE/);
	t.is(plan({ secrets: "- f: x" }).stores[0]?.audience, "conjur");
	t.is(plan({ secrets: "- f: x", identity: "host/x" }).stores[0]?.role, "host/x");
	t.is(dialectWith(defaults).usualStore?.().instance.key, store({})?.instance.key);
	t.is(dialectWith().usualStore, undefined);
});

test("a native store says what it lacks, and takes no name that could change a path", (t) => {
	const faultsOf = (yaml: string) => {
		const fields = fieldsOf(yaml);
		module.store.instance("main", fields);
		return fields.faults.list.map(({ path, message }) => `${path} ${message}`);
	};
	t.deepEqual(faultsOf("{}"), [
		"dialects.conjur.address is missing",
		"dialects.conjur.account is missing",
		"dialects.conjur.service is missing",
	]);
	const bad = faultsOf(`{address: "ftp://x", account: "a/b", service: "..", caCertificate: none}`);
	t.deepEqual(
		bad.map((text) => text.split(" ")[0]),
		["address", "account", "service", "caCertificate"].map((name) => `dialects.conjur.${name}`),
	);
});
