import test from "ava";
import { startLatencyProxy } from "../../servers/latency-proxy.ts";
import { enableJwt, enableKv, startVault, type VaultServer, writeJwtRole, writePolicy } from "../../servers/vault/vault.ts";
import { CallFailure, type MountResult } from "../../support/mount-client.ts";
import { makePod } from "../../support/pods.ts";
import { startTestProvider, type TestMountOptions, type TestProvider } from "../../support/provider.ts";
import { createTokenIssuer } from "../../support/token-issuer.ts";

/** Twelve cases that today's Vault provider was seen to answer, through the whole way of a Mount. */
const issuer = await createTokenIssuer();
const pod = makePod({ namespace: "test", serviceAccount: "nginx-kv" });
let vault: VaultServer;

test.before(async () => {
	vault = await startVault(undefined);
	await enableKv(vault, "secret", 2);
	await enableKv(vault, "kv1", 1);
	await enableJwt(vault, issuer, "kubernetes");
	await writePolicy(vault, "kv", { "secret/data/*": ["read"], "kv1/*": ["read"] });
	await writeJwtRole(vault, { mount: "kubernetes", name: "kv-role", policies: ["kv"] });
	const secrets = {
		app: { user: "u", pass: "p" },
		number: { port: 5432 },
		nested: { a: { y: 1, x: [true, null] } },
		html: { h: "<b>" },
		base64: { k: "AQID", broken: "AQI" },
	};
	for (const [name, data] of Object.entries(secrets)) await vault.api("POST", `secret/data/${name}`, { data });
	await vault.api("POST", "kv1/app", { user: "of version 1" });
});

test.after.always(() => vault?.stop());

/** Mounts as a SecretProviderClass of the Vault provider, with the pod's genuine token. */
class Mounter {
	readonly #provider: TestProvider;
	readonly #address: string;

	constructor(provider: TestProvider, address: string) {
		this.#provider = provider;
		this.#address = address;
	}

	mount(objects: string, parameters: Readonly<Record<string, string>> = {}, options: TestMountOptions = {}): Promise<MountResult> {
		return this.#provider.mount("vault", pod, { vaultAddress: this.#address, roleName: "kv-role", objects, ...parameters }, options);
	}

	/** Mounts without some parameter. */
	mountOnly(parameters: Readonly<Record<string, string>>): Promise<MountResult> {
		return this.#provider.mount("vault", pod, { vaultAddress: this.#address, ...parameters });
	}
}

async function mounter(t: Parameters<typeof startTestProvider>[0], address = vault.address): Promise<Mounter> {
	return new Mounter(await startTestProvider(t, { policy: `endpoints: ["${address}"]`, issuer }), address);
}

async function refusal(t: Parameters<typeof startTestProvider>[0], mounted: Promise<unknown>): Promise<string> {
	const error = await t.throwsAsync(mounted, { instanceOf: CallFailure });
	t.is(error?.code, "UNKNOWN");
	return error?.details ?? "";
}

function text(result: MountResult, path: string): string | undefined {
	return result.files.get(path)?.contents.toString();
}

test("1: two keys of one secret become two files of mode 0644 with versions of their own", async (t) => {
	const vaultMount = await mounter(t);
	const result = await vaultMount.mount(
		"- {objectName: u, secretPath: secret/data/app, secretKey: user}\n- {objectName: p, secretPath: secret/data/app, secretKey: pass}",
	);
	t.deepEqual(result.order, ["u", "p"]);
	t.deepEqual([text(result, "u"), text(result, "p")], ["u", "p"]);
	t.is(result.files.get("u")?.mode, 420);
	t.is(result.versions.get("u")?.length, 44);
	t.not(result.versions.get("u"), result.versions.get("p"));
});

for (const [number, name, key, content] of [
	["2", "number", "port", "5432"],
	["3", "nested", "a", '{"x":[true,null],"y":1}'],
] as const) {
	test(`${number}: a value that is no text is JSON as Go writes it: ${content}`, async (t) => {
		const result = await (await mounter(t)).mount(`- {objectName: f, secretPath: secret/data/${name}, secretKey: ${key}}`);
		t.is(text(result, "f"), content);
	});
}

test("4: without a key the file is the whole answer, with HTML characters escaped, and stays the same", async (t) => {
	const vaultMount = await mounter(t);
	const first = await vaultMount.mount("- {objectName: f, secretPath: secret/data/html}");
	t.true(text(first, "f")?.includes('"h":"\\u003cb\\u003e"'));
	const second = await vaultMount.mount("- {objectName: f, secretPath: secret/data/html}");
	t.is(text(second, "f"), text(first, "f"));
	t.is(second.versions.get("f"), first.versions.get("f"));
});

test("5: base64 is decoded, and what is none says at which byte", async (t) => {
	const vaultMount = await mounter(t);
	const result = await vaultMount.mount("- {objectName: f, secretPath: secret/data/base64, secretKey: k, encoding: base64}");
	t.deepEqual(result.files.get("f")?.contents, Buffer.from([1, 2, 3]));
	const broken = await refusal(
		t,
		vaultMount.mount("- {objectName: f, secretPath: secret/data/base64, secretKey: broken, encoding: base64}"),
	);
	t.true(broken.includes("{secret/data/base64}: {illegal base64 data at input byte 0}"), broken);
});

test("6: a mode of the object's wins over the request's", async (t) => {
	const vaultMount = await mounter(t);
	const fields = "objectName: f, secretPath: secret/data/app, secretKey: user";
	t.is((await vaultMount.mount(`- {${fields}, filePermission: 0440}`)).files.get("f")?.mode, 288);
	t.is((await vaultMount.mount(`- {${fields}}`, {}, { permission: 292 })).files.get("f")?.mode, 292);
});

test("7: /v1/kv1/app and kv1/app are the same path", async (t) => {
	const vaultMount = await mounter(t);
	for (const path of ["/v1/kv1/app", "kv1/app"]) {
		t.is(text(await vaultMount.mount(`- {objectName: f, secretPath: ${path}, secretKey: user}`), "f"), "of version 1");
	}
});

test("8: two objects of one name are refused", async (t) => {
	const object = "{objectName: x, secretPath: secret/data/app, secretKey: user}";
	const said = await refusal(t, (await mounter(t)).mount(`- ${object}\n- ${object}`));
	t.true(said.startsWith("each `objectName` within a SecretProviderClass must be unique, but the following keys were duplicated: x"), said);
});

test("9: of a missing role and missing objects the role is told first, and both are told", async (t) => {
	const said = await refusal(t, (await mounter(t)).mountOnly({}));
	t.true(said.startsWith("missing 'roleName' in SecretProviderClass definition"), said);
	t.true(said.includes("objects is missing"), said);
});

test("10: a secret deleted after the first mount fails the second with 404", async (t) => {
	await vault.api("POST", "secret/data/short", { data: { k: "v" } });
	const vaultMount = await mounter(t);
	const object = "- {objectName: f, secretPath: secret/data/short, secretKey: k}";
	await vaultMount.mount(object);
	await vault.api("DELETE", "secret/metadata/short");
	const said = await refusal(t, vaultMount.mount(object));
	t.true(said.includes('couldn\'t read secret "f": error requesting secret: Error making API request.'), said);
	t.true(said.includes("Code: 404. Errors:"), said);
});

test("11: a token revoked on the server costs one more login and no failure", async (t) => {
	const proxy = await startLatencyProxy(t, { target: vault.address });
	const vaultMount = await mounter(t, proxy.address);
	const object = "- {objectName: f, secretPath: secret/data/app, secretKey: user}";
	await vaultMount.mount(object);
	t.is(proxy.counts.get("/v1/auth/kubernetes/login"), 1);
	await vault.api("POST", "sys/leases/revoke-prefix/auth/kubernetes/login");
	t.is(text(await vaultMount.mount(object), "f"), "u");
	t.is(proxy.counts.get("/v1/auth/kubernetes/login"), 2);
});

test("12: a switch that is no boolean is refused in Go's words", async (t) => {
	const object = "- {objectName: f, secretPath: secret/data/app, secretKey: user}";
	const said = await refusal(t, (await mounter(t)).mount(object, { vaultSkipTLSVerify: "yes" }));
	t.true(said.startsWith('strconv.ParseBool: parsing "yes": invalid syntax'), said);
	t.true(said.includes("vaultSkipTLSVerify"), said);
});
