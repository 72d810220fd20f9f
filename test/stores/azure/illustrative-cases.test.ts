import { createPrivateKey, createPublicKey } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import { type AzureServers, startAzure } from "../../servers/azure/azure.ts";
import { defaultTenant, exchangeAudience } from "../../servers/azure/entra/directory.ts";
import { throttled } from "../../servers/azure/faults.ts";
import { CallFailure, type MountResult } from "../../support/mount-client.ts";
import { makePod } from "../../support/pods.ts";
import { startTestProvider } from "../../support/provider.ts";
import { createTokenIssuer } from "../../support/token-issuer.ts";
import { CertificateFactory } from "./certificate-support.ts";
import { objectsOf } from "./dialect-support.ts";
import { client, setEnvironment, vault } from "./fixture.ts";

/** Twelve cases that today's Azure provider was seen to answer, and more of its kind, through the whole way of a Mount. */
const issuer = await createTokenIssuer();
const pod = makePod({ name: "pod-1", namespace: "default", serviceAccount: "web" });
const factory = new CertificateFactory();
const chain = factory.chain("rsa");
const prefix = "failed to mount objects, error: ";
const [older, newer] = [`${"0".repeat(31)}1`, `${"0".repeat(31)}2`] as const;
let azure: AzureServers;
let rsaKey: ReturnType<typeof createPublicKey> | undefined;

test.before(async () => {
	azure = await startAzure(undefined);
	azure.directory.federate({ client, issuer, subject: "system:serviceaccount:default:web" });
	azure.directory.addClientSecret({ client, secret: "correct horse" });
	azure.vaults.allow(client, vault, { secrets: ["get", "list"], keys: ["get"], certificates: ["get"] });
	azure.vaults.putSecret(vault, "db-password", "hunter1", { version: older });
	azure.vaults.putSecret(vault, "db-password", "hunter2", { version: newer });
	azure.vaults.putSecret(vault, "db-user", "shop");
	azure.vaults.putSecret(vault, "hex", "DEadbeef00ff");
	azure.vaults.putSecret(vault, "odd", "abc", { contentType: "application/x-pkcs12" });
	for (const number of [0, 1, 2, 3, 4, 5]) azure.vaults.putSecret(vault, "multi", `m${number}`, { enabled: number !== 0 && number !== 4 });
	await azure.vaults.putKey(vault, "rsa");
	rsaKey = (await azure.vaults.putKey(vault, "rsa")).publicKey;
	const common = { certificate: chain.leaf, privateKey: chain.key };
	const pem = `${chain.key}${chain.leaf}${chain.intermediate}${chain.root}`;
	azure.vaults.putCertificate(vault, "cert-pem", { ...common, secret: pem, contentType: "application/x-pem-file" });
	for (const [name, parameters] of [
		["cert-pfx", ["-legacy"]],
		["cert-pfx-modern", []],
	] as const) {
		const container = factory.pkcs12(chain, { arguments: parameters }).toString("base64");
		azure.vaults.putCertificate(vault, name, { ...common, secret: container, contentType: "application/x-pkcs12" });
	}
});

test.after.always(async () => {
	factory.remove();
	await azure?.stop();
});

interface MountOptions {
	readonly parameters?: Readonly<Record<string, string>>;
	/** The administrator's defaults of the dialect, as YAML. */
	readonly defaults?: string;
	readonly secrets?: Readonly<Record<string, string>>;
}

/** Mounts a class of today's provider, with the pod's genuine token. */
async function mount(t: ExecutionContext<unknown>, entries: readonly string[], options: MountOptions = {}): Promise<MountResult> {
	const { parameters = {}, defaults = "", secrets } = options;
	setEnvironment(t, azure.environment);
	azure.forget();
	const policy = `profile: strict\ndialects:\n  azure: {${defaults}}\n`;
	const provider = await startTestProvider(t, { policy, providers: "azure", issuer });
	const usual = { keyvaultName: vault, tenantId: defaultTenant, clientID: client, objects: objectsOf(...entries) };
	const written = Object.fromEntries(Object.entries({ ...usual, ...parameters }).filter(([, text]) => text !== ""));
	return provider.mount("azure", pod, written, { audience: exchangeAudience, ...(secrets === undefined ? {} : { secrets }) });
}

async function refusal(t: ExecutionContext<unknown>, mounted: Promise<unknown>): Promise<string> {
	const error = await t.throwsAsync(mounted, { instanceOf: CallFailure });
	t.is(error?.code, "UNKNOWN");
	return error?.details ?? "";
}

/** Paths, modes and contents in the order of the answer. */
function filesOf({ files, order }: MountResult): readonly (readonly [path: string, mode: number, text: string])[] {
	return order.map((path) => [path, files.get(path)?.mode ?? -1, files.get(path)?.contents.toString("latin1") ?? ""]);
}

const secret = (name: string, ...fields: readonly string[]) => [`objectName: ${name}`, "objectType: secret", ...fields].join("\n");
const pemTexts = [chain.leaf, chain.intermediate, chain.root].join("");

interface FilesCase {
	readonly title: string;
	readonly entries: readonly string[];
	readonly options?: MountOptions;
	readonly files: readonly (readonly [path: string, mode: number, text: string])[];
	readonly ids: readonly string[];
}

const filesCases: readonly FilesCase[] = [
	{
		title: "1: the newest version of a secret",
		entries: [secret("db-password")],
		files: [["db-password", 420, "hunter2"]],
		ids: ["secret/db-password"],
	},
	{
		title: "2: a file in a folder",
		entries: [secret("db-password", "objectAlias: creds/password.txt")],
		files: [["creds/password.txt", 420, "hunter2"]],
		ids: ["secret/db-password"],
	},
	{
		title: "3: a mode of its own",
		entries: [secret("db-password", 'filePermission: "0600"')],
		files: [["db-password", 384, "hunter2"]],
		ids: ["secret/db-password"],
	},
	{
		title: "4: hexadecimal",
		entries: [secret("hex", "objectEncoding: hex")],
		files: [["hex", 420, "\xde\xad\xbe\xef\x00\xff"]],
		ids: ["secret/hex"],
	},
	{
		title: "5: the newest versions that are enabled",
		entries: [secret("multi", "objectVersionHistory: 3")],
		files: [
			["multi/0", 420, "m5"],
			["multi/1", 420, "m3"],
			["multi/2", 420, "m2"],
		],
		ids: ["secret/multi/0", "secret/multi/1", "secret/multi/2"],
	},
	{
		title: "8: certificate and key in files of their own",
		entries: [secret("cert-pem")],
		options: { defaults: "writeCertAndKeyInSeparateFiles: true" },
		files: [
			["cert-pem.crt", 420, pemTexts],
			["cert-pem.key", 420, chain.key],
			["cert-pem", 420, `${chain.key}${pemTexts}`],
		],
		ids: ["secret/cert-pem"],
	},
	{
		title: "the version that is named, and a certificate alone",
		entries: [secret("db-password", `objectVersion: ${older}`), "objectName: cert-pem\nobjectType: cert"],
		files: [
			["db-password", 420, "hunter1"],
			["cert-pem", 420, chain.leaf],
		],
		ids: ["secret/db-password", "cert/cert-pem"],
	},
	{
		title: "a container that is no certificate's stays as it is",
		entries: [secret("odd")],
		files: [["odd", 420, "abc"]],
		ids: ["secret/odd"],
	},
];

for (const { title, entries, options, files, ids } of filesCases) {
	test.serial(title, async (t) => {
		const result = await mount(t, entries, options);
		t.deepEqual(filesOf(result), files);
		t.deepEqual([...result.versions.keys()], ids);
	});
}

test.serial("6: a key is its newest version's public part", async (t) => {
	const result = await mount(t, ["objectName: rsa\nobjectType: key"]);
	const text = result.files.get("rsa")?.contents.toString() ?? "";
	t.true(text.startsWith("-----BEGIN PUBLIC KEY-----\n"));
	t.true(rsaKey !== undefined && createPublicKey(text).equals(rsaKey));
	t.deepEqual([...result.versions.keys()], ["key/rsa"]);
});

for (const name of ["cert-pfx", "cert-pfx-modern"]) {
	test.serial(`7: a container becomes key, leaf, intermediate and root: ${name}`, async (t) => {
		const text = (await mount(t, [secret(name, "objectFormat: pem")])).files.get(name)?.contents.toString() ?? "";
		const start = text.indexOf("-----BEGIN CERTIFICATE-----");
		t.true(text.startsWith("-----BEGIN PRIVATE KEY-----\n"));
		t.true(createPrivateKey(text.slice(0, start)).equals(createPrivateKey(chain.key)));
		t.is(text.slice(start), pemTexts);
	});
}

test.serial("a container as such, its bytes and its parts come of one read", async (t) => {
	const options = { defaults: "writeCertAndKeyInSeparateFiles: true" };
	const result = await mount(t, [secret("cert-pfx", "objectFormat: pfx", "objectEncoding: base64", "objectAlias: web")], options);
	t.deepEqual(result.order, ["web.crt", "web.key", "web"]);
	t.is(result.files.get("web.crt")?.contents.toString(), pemTexts);
	t.is(result.files.get("web")?.contents[0], 0x30);
	t.is(azure.calls({ vault }).length, 1);
});

test.serial("9: a vault with too short a name is refused before anything is asked", async (t) => {
	const text = `${prefix}failed to get vault: Invalid vault name: "kv", must be between 3 and 24 chars`;
	t.true((await refusal(t, mount(t, [secret("db-password")], { parameters: { keyvaultName: "kv" } }))).startsWith(text));
	t.deepEqual(azure.calls(), []);
});

test.serial("10: with the pod's token it takes two requests, and a secret no more", async (t) => {
	const result = await mount(t, [secret("db-password")], { secrets: {} });
	t.is(result.files.get("db-password")?.contents.toString(), "hunter2");
	t.deepEqual(
		azure.calls().map(({ status }) => status),
		[200, 200],
	);
});

test.serial("11: a client secret is a way to log in, and a wrong one is told", async (t) => {
	const parameters = { clientID: "" };
	const right = await mount(t, [secret("db-user")], { parameters, secrets: { ClientID: client, clientsecret: "correct horse" } });
	t.is(right.files.get("db-user")?.contents.toString(), "shop");
	const said = await refusal(t, mount(t, [secret("db-user")], { parameters, secrets: { clientid: client, clientsecret: "wrong" } }));
	const object = "failed to get objectType:secret, objectName:db-user, objectVersion:: ";
	t.true(said.startsWith(`${prefix}${object}ClientSecretCredential authentication failed.`), said);
	t.true(said.includes("AADSTS7000215"), said);
	t.false(said.includes("wrong"), said);
});

test.serial("12: a vault that asks for patience gets it", async (t) => {
	setEnvironment(t, azure.environment);
	const mounted = mount(t, [secret("db-password")]);
	azure.faults.add({ vault, behaviour: throttled(1), times: 1 });
	const began = performance.now();
	t.is((await mounted).files.get("db-password")?.contents.toString(), "hunter2");
	t.true(performance.now() - began >= 950);
	t.deepEqual(
		azure.calls({ vault }).map(({ status }) => status),
		[429, 200],
	);
});

const failures: readonly (readonly [title: string, entry: string, options: MountOptions, text: string])[] = [
	[
		"a secret that is not there",
		secret("no-such"),
		{},
		`${prefix}failed to get objectType:secret, objectName:no-such, objectVersion:: GET https://kv-main.vault.azure.net/secrets/no-such/\n--`,
	],
	[
		"a login without a secret",
		secret("db-user"),
		{ parameters: { clientID: "" } },
		`${prefix}failed to build auth config for mode None: failed to get credentials, nodePublishSecretRef secret is not set`,
	],
	["a secret that is not in its encoding", secret("db-user", "objectEncoding: hex"), {}, `${prefix}encoding/hex: invalid byte: U+0073 's'`],
];

/** Containers that today's provider does not read either, by the words in which it says so, if it does. */
const containers: readonly (readonly [title: string, container: () => Buffer, texts: readonly string[]])[] = [
	[
		"one with a password",
		() => factory.pkcs12(chain, { password: "x" }),
		["objects.array[0]", "has a password, or is damaged", "objectFormat: pfx"],
	],
	[
		"one without a leaf",
		() => factory.pkcs12OfCertificates([factory.withKeyIdentifiers("one", "01", "02"), factory.withKeyIdentifiers("two", "02", "01")]),
		[`${prefix}failed to get objectType:secret, objectName:cert-bad, objectVersion:: no leaf found\n`],
	],
];

for (const [title, container, texts] of containers) {
	test.serial(`a container that makes no PEM is told: ${title}`, async (t) => {
		const secretText = container().toString("base64");
		const certificate = { certificate: chain.leaf, privateKey: chain.key };
		azure.vaults.putCertificate(vault, "cert-bad", { ...certificate, secret: secretText, contentType: "application/x-pkcs12" });
		const said = await refusal(t, mount(t, [secret("cert-bad")]));
		for (const text of texts) t.true(said.includes(text), said);
		const stored = await mount(t, [secret("cert-bad", "objectFormat: pfx")]);
		t.is(stored.files.get("cert-bad")?.contents.toString(), secretText);
	});
}

test.serial("a certificate's secret of another type is told in today's words", async (t) => {
	const url = azure.vaultUrl(vault);
	const mounted = mount(t, [secret("db-user")]);
	const bundle = { value: "x", contentType: "text/plain", id: `${url}/secrets/db-user/${older}`, kid: `${url}/keys/db-user/${older}` };
	const headers = { "content-type": "application/json" };
	azure.faults.add({ vault, behaviour: { kind: "status", status: 200, headers, body: JSON.stringify(bundle) } });
	const said = await refusal(t, mounted);
	const text = "failed to get certificate. unknown content type 'text/plain'";
	t.true(said.startsWith(`${prefix}failed to get objectType:secret, objectName:db-user, objectVersion:: ${text}\n`), said);
});

for (const [title, entry, options, text] of failures) {
	test.serial(`a failure begins in today's words: ${title}`, async (t) => {
		const said = await refusal(t, mount(t, [entry], options));
		t.true(said.startsWith(text), said);
	});
}
