import test from "ava";
import fc from "fast-check";
import type { MountRequest } from "../../provider/plan/mount-request.ts";
import { CallFailure, type MountCallOptions } from "../support/mount-client.ts";
import { makePod, mountAttributes } from "../support/pods.ts";
import { attributes, connect, oneFile, serve } from "./harness.ts";

const tokensKey = "csi.storage.k8s.io/serviceAccount.tokens";

/** A server whose handler keeps what it was asked. */
async function serveAndKeep(t: Parameters<typeof serve>[0], providers = ["claviger"]) {
	const requests: MountRequest[] = [];
	const serving = await serve(t, {
		providers,
		handler: async (request) => {
			requests.push(request);
			return oneFile;
		},
	});
	return { ...serving, requests };
}

function revealed(secrets: ReadonlyMap<string, { reveal(): Buffer }>): Record<string, string> {
	return Object.fromEntries(Array.from(secrets, ([key, secret]) => [key, secret.reveal().toString()]));
}

test("a request arrives as the driver sent it, without kubelet's own keys", async (t) => {
	const { client, requests } = await serveAndKeep(t);
	const pod = makePod();
	const answer = await client.mount(
		mountAttributes(pod, { role: "shop", objects: "- <&>" }, { vault: "a.b.c", "sts.amazonaws.com": "d.e.f" }),
		{
			secrets: { user: "u", password: "p" },
			permission: 0o640,
			target: "/mnt/secrets-store",
			currentVersions: { db: "7" },
		},
	);
	const [request] = requests;
	t.is(request?.provider, "claviger");
	t.deepEqual(request?.pod, pod);
	t.deepEqual(Object.fromEntries(request?.parameters ?? []), { role: "shop", objects: "- <&>" });
	t.deepEqual(revealed(request?.tokens ?? new Map()), { vault: "a.b.c", "sts.amazonaws.com": "d.e.f" });
	t.deepEqual(revealed(request?.credentials ?? new Map()), { user: "u", password: "p" });
	t.is(request?.defaultMode, 0o640);
	t.is(request?.targetPath, "/mnt/secrets-store");
	t.deepEqual(Object.fromEntries(request?.currentVersions ?? []), { db: "7" });
	t.is(request?.signal.aborted, false);
	t.deepEqual(answer.files.get("password"), { mode: 0o400, contents: Buffer.from("s3cret") });
	t.deepEqual(Object.fromEntries(answer.versions), { password: "1" });
});

test("each socket tells its handler the provider's name", async (t) => {
	const { server, requests } = await serveAndKeep(t, ["claviger", "vault", "aws"]);
	t.deepEqual(
		server.sockets.map((path) => path.split("/").at(-1)),
		["claviger.sock", "vault.sock", "aws.sock"],
	);
	for (const path of server.sockets) await connect(t, path).mount(attributes());
	t.deepEqual(
		requests.map((request) => request.provider),
		["claviger", "vault", "aws"],
	);
});

const secondCalls = [
	{ title: "nothing", change: {}, isSame: true },
	{ title: "the Secret", change: { secrets: { user: "other" } }, isSame: false },
	{ title: "the file mode", change: { permission: 0o600 }, isSame: false },
	{ title: "the volume", change: { target: "/elsewhere" }, isSame: false },
	{ title: "the mounted versions", change: { currentVersions: { db: "7" } }, isSame: false },
];

for (const { title, change, isSame } of secondCalls) {
	test(`a request that comes again with ${title} changed is ${isSame ? "not parsed again" : "parsed anew"}`, async (t) => {
		const { client, requests } = await serveAndKeep(t);
		const sent = mountAttributes(makePod(), { role: "shop" }, { vault: "a.b.c" });
		const options = { secrets: { user: "u" }, permission: 0o640, target: "/mnt/secrets-store" };
		await client.mount(sent, options);
		await client.mount(sent, { ...options, ...change });
		const [first, second] = requests;
		t.is(second?.tokens === first?.tokens, isSame);
		t.deepEqual(revealed(second?.credentials ?? new Map()), change.secrets ?? options.secrets);
		t.is(second?.defaultMode, change.permission ?? options.permission);
		t.is(second?.targetPath, change.target ?? options.target);
		t.deepEqual(Object.fromEntries(second?.currentVersions ?? []), change.currentVersions ?? {});
		t.not(second?.signal, first?.signal);
	});
}

const tokenSources = [
	{ title: "attributes", inAttributes: '{"vault":{"token":"a"}}', inSecrets: undefined, tokens: { vault: "a" } },
	{ title: "secrets", inAttributes: undefined, inSecrets: '{"vault":{"token":"b"}}', tokens: { vault: "b" } },
	{ title: "secrets before attributes", inAttributes: '{"x":{"token":"a"}}', inSecrets: '{"vault":{"token":"b"}}', tokens: { vault: "b" } },
	{ title: "attributes when those in secrets are empty", inAttributes: '{"vault":{"token":"a"}}', inSecrets: "", tokens: { vault: "a" } },
	{ title: "nowhere", inAttributes: undefined, inSecrets: undefined, tokens: {} },
	{ title: "an empty text", inAttributes: "", inSecrets: undefined, tokens: {} },
];

for (const { title, inAttributes, inSecrets, tokens } of tokenSources) {
	test(`tokens are taken from ${title}`, async (t) => {
		const { client, requests } = await serveAndKeep(t);
		const { [tokensKey]: _none, ...rest } = attributes();
		await client.mount(inAttributes === undefined ? rest : { ...rest, [tokensKey]: inAttributes }, {
			secrets: inSecrets === undefined ? { user: "u" } : { user: "u", [tokensKey]: inSecrets },
		});
		t.deepEqual(revealed(requests[0]?.tokens ?? new Map()), tokens);
		t.deepEqual(revealed(requests[0]?.credentials ?? new Map()), { user: "u" });
		t.false(requests[0]?.parameters.has(tokensKey));
	});
}

for (const secrets of ["null", "", "{}", " { } "]) {
	test(`secrets may be the text ${JSON.stringify(secrets)}`, async (t) => {
		const { client, requests } = await serveAndKeep(t);
		await client.mount(attributes(), { secrets });
		t.is(requests[0]?.credentials.size, 0);
	});
}

const good = mountAttributes(makePod(), { role: "marked-value" });
const withTokens = (tokens: string) => ({ ...good, [tokensKey]: tokens });
const without = (key: string) => Object.fromEntries(Object.entries(good).filter(([name]) => name !== key));
const podKey = (key: string) => `csi.storage.k8s.io/${key}`;

interface Refusal {
	readonly title: string;
	readonly attributes?: Readonly<Record<string, string>> | string;
	readonly options?: MountCallOptions;
	readonly says: RegExp;
}

const refusals: readonly Refusal[] = [
	{ title: "no attributes", attributes: "", says: /^attributes is empty\.$/ },
	{ title: "attributes that are no JSON", attributes: "marked-value", says: /^attributes is not a JSON object of strings\.$/ },
	{ title: "an array as attributes", attributes: '["marked-value"]', says: /^attributes is not a JSON object of strings\.$/ },
	{ title: "a number as attributes", attributes: "1", says: /^attributes is not a JSON object of strings\.$/ },
	{ title: "null as attributes", attributes: "null", says: /^attributes is not a JSON object of strings\.$/ },
	{ title: "deeply nested attributes", attributes: "[".repeat(1_000_000), says: /^attributes is not a JSON object of strings\.$/ },
	{
		title: "a nested attribute",
		attributes: JSON.stringify({ ...good, a: { b: "marked-value" } }),
		says: /^attributes "a" is not a string\.$/,
	},
	{ title: "a number as attribute", attributes: JSON.stringify({ ...good, a: 1 }), says: /^attributes "a" is not a string\.$/ },
	{
		title: "1,001 attributes",
		attributes: Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`k${i}`, ""])),
		says: /1001 entries; 1000 are read/,
	},
	{
		title: "no pod name",
		attributes: without(podKey("pod.name")),
		says: /^attribute csi\.storage\.k8s\.io\/pod\.name is missing\. Set podInfoOnMount/,
	},
	{ title: "no namespace", attributes: without(podKey("pod.namespace")), says: /pod\.namespace is missing/ },
	{ title: "no pod uid", attributes: without(podKey("pod.uid")), says: /pod\.uid is missing/ },
	{ title: "no service account", attributes: without(podKey("serviceAccount.name")), says: /serviceAccount\.name is missing/ },
	{
		title: "a namespace with a slash",
		attributes: { ...good, [podKey("pod.namespace")]: "a/b" },
		says: /pod\.namespace is not a Kubernetes name\.$/,
	},
	{
		title: "a pod name with a line break",
		attributes: { ...good, [podKey("pod.name")]: "a\nb" },
		says: /pod\.name is not a Kubernetes name\.$/,
	},
	{
		title: "tokens that are no JSON",
		attributes: withTokens("marked-value"),
		says: /serviceAccount\.tokens is not a JSON object of tokens by audience\.$/,
	},
	{ title: "tokens in an array", attributes: withTokens("[]"), says: /serviceAccount\.tokens is not a JSON object/ },
	{ title: "an audience without a token", attributes: withTokens('{"vault":{}}'), says: /has no token for the audience "vault"\.$/ },
	{
		title: "an audience with a text",
		attributes: withTokens('{"vault":"marked-value"}'),
		says: /has no token for the audience "vault"\.$/,
	},
	{
		title: "an audience with an empty token",
		attributes: withTokens('{"vault":{"token":""}}'),
		says: /has no token for the audience "vault"\.$/,
	},
	{ title: "secrets that are no JSON", options: { secrets: "marked-value" }, says: /^secrets is not a JSON object of strings\.$/ },
	{ title: "secrets in an array", options: { secrets: '["marked-value"]' }, says: /^secrets is not a JSON object of strings\.$/ },
	{ title: "a nested secret", options: { secrets: '{"a":{"b":"marked-value"}}' }, says: /^secrets "a" is not a string\.$/ },
	...["abc", "-1", "1e9", "1e2", "512", "", "null", '"420"', "4.2", "0x1"].map((permission) => ({
		title: `the permission ${JSON.stringify(permission)}`,
		options: { permission },
		says: /^permission is not a file mode: a decimal number from 0 to 511, such as 420\.$/,
	})),
	{ title: "no target path", options: { target: "" }, says: /^missing target path field$/ },
	{ title: "an endless target path", options: { target: "/".repeat(5000) }, says: /^target_path is longer than 4096 bytes\.$/ },
	{
		title: "5 MiB",
		attributes: { ...good, a: "marked-value".repeat(500_000) },
		says: /^The mount request is 6\d{6} bytes long; 2097152 are read\. Shorten/,
	},
];

for (const { title, attributes: sent = good, options, says } of refusals) {
	test(`refused as invalid, without its value: ${title}`, async (t) => {
		const { client, requests } = await serveAndKeep(t);
		const failure = await t.throwsAsync(client.mount(sent, options), { instanceOf: CallFailure });
		t.is(failure?.code, "INVALID_ARGUMENT");
		t.is(failure?.errorCode, "invalid");
		t.regex(failure?.details ?? "", says);
		t.notRegex(failure?.details ?? "", /marked-value/);
		t.is(requests.length, 0);
	});
}

test("everything wrong in a request is reported at once", async (t) => {
	const { client } = await serveAndKeep(t);
	const failure = await t.throwsAsync(
		client.mount(JSON.stringify({ a: 1, [tokensKey]: "x" }), { secrets: "[]", permission: "abc", target: "" }),
		{ instanceOf: CallFailure },
	);
	for (const part of [
		"9 faults",
		'"a"',
		"secrets",
		"pod.name",
		"pod.namespace",
		"pod.uid",
		"serviceAccount.name",
		"tokens",
		"permission",
		"missing target path field",
	]) {
		t.true(failure?.details.includes(part), part);
	}
});

test("thousands of faults are counted, and the first of them shown", async (t) => {
	const { client } = await serveAndKeep(t);
	const many = JSON.stringify({ ...good, ...Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`k${i}`, i])) });
	const failure = await t.throwsAsync(client.mount(many), { instanceOf: CallFailure });
	t.regex(failure?.details ?? "", /^The mount request has 900 faults: \(1\) .* And 880 more\.$/);
});

test("a message that is no MountRequest is refused as invalid", async (t) => {
	const { client } = await serveAndKeep(t);
	for (const bytes of [Buffer.from([0x0a, 0xff]), Buffer.from([0x0a, 0x02, 0xc3, 0x28]), Buffer.alloc(64, 0xff), Buffer.from([0x0b])]) {
		const failure = await t.throwsAsync(client.mountBytes(bytes), { instanceOf: CallFailure });
		t.is(failure?.code, "INVALID_ARGUMENT");
		t.regex(failure?.details ?? "", /^The mount request is not a v1alpha1\.MountRequest message\./);
	}
});

test("keys such as __proto__ are ordinary data", async (t) => {
	const { client, requests } = await serveAndKeep(t);
	const keys = ["__proto__", "constructor", "prototype", "toString"];
	const object = `{${keys.map((key) => `"${key}":"of-${key}"`).join(",")}}`;
	const tokens = `{${keys.map((key) => `"${key}":{"token":"of-${key}"}`).join(",")}}`;
	const sent = JSON.stringify({ ...good, [tokensKey]: tokens }).replace(/}$/, `,${object.slice(1)}`);
	await client.mount(sent, { secrets: object });
	const [request] = requests;
	for (const key of keys) {
		t.is(request?.parameters.get(key), `of-${key}`);
		t.is(request?.credentials.get(key)?.reveal().toString(), `of-${key}`);
		t.is(request?.tokens.get(key)?.reveal().toString(), `of-${key}`);
	}
	t.is(Reflect.get({}, "of"), undefined);
	t.deepEqual(Object.keys(Object.prototype), []);
});

test("any parameters and secrets arrive exactly", async (t) => {
	const { client, requests } = await serveAndKeep(t);
	const key = fc
		.string({ unit: "binary", minLength: 1 })
		.filter((text) => text !== "secretProviderClass" && !text.startsWith("csi.storage.k8s.io/"));
	const texts = fc.dictionary(key, fc.string({ unit: "binary" }), { maxKeys: 20, noNullPrototype: true });
	await fc.assert(
		fc.asyncProperty(texts, texts, fc.integer({ min: 0, max: 0o777 }), async (parameters, secrets, permission) => {
			await client.mount({ ...good, ...parameters }, { secrets, permission });
			const request = requests.pop();
			const { role: _role, ...others } = Object.fromEntries(request?.parameters ?? []);
			t.deepEqual(
				new Map(Object.entries({ role: "marked-value", ...parameters })),
				new Map(Object.entries({ role: "marked-value", ...others })),
			);
			t.deepEqual(new Map(Object.entries(revealed(request?.credentials ?? new Map()))), new Map(Object.entries(secrets)));
			t.is(request?.defaultMode, permission);
		}),
		{ numRuns: 300 },
	);
});
