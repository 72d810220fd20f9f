import { readFileSync } from "node:fs";
import { ClientAssertionCredential, ClientSecretCredential, ManagedIdentityCredential } from "@azure/identity";
import { CertificateClient } from "@azure/keyvault-certificates";
import { CryptographyClient, KeyClient } from "@azure/keyvault-keys";
import { SecretClient } from "@azure/keyvault-secrets";
import test, { type ExecutionContext } from "ava";
import { makeAuthority } from "../../net/certificates.ts";
import { makePod } from "../../support/pods.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { createTokenIssuer } from "../../support/token-issuer.ts";
import { type AzureOptions, type AzureServers, startAzure } from "./azure.ts";
import { defaultTenant, exchangeAudience } from "./entra/directory.ts";
import { throttled } from "./faults.ts";
import { TestClient } from "./test-client.ts";

const vault = "kv-main";
const client = "5a1d2c60-0000-4000-8000-000000000001";

/** The official SDKs with nothing changed but their connections, and a credential that is a pod's token. */
async function open(t: ExecutionContext<unknown>, options: AzureOptions = {}) {
	const [azure, issuer] = await Promise.all([startAzure(t, options), createTokenIssuer()]);
	azure.directory.federate({ client, issuer, subject: "system:serviceaccount:shop:web" });
	const { agent } = new TestClient(t, azure);
	const assertion = () => issuer.token(makePod(), { audience: exchangeAudience });
	return { azure, settings: { agent }, credential: new ClientAssertionCredential(defaultTenant, client, assertion, { agent }) };
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
	const all: Item[] = [];
	for await (const item of items) all.push(item);
	return all;
}

function operations(azure: AzureServers): readonly string[] {
	return azure.calls().map(({ operation, status }) => `${operation} ${status}`);
}

test("the SDK reads secrets with a pod's token: a challenge, a token, and one request for each read", async (t) => {
	const { azure, settings, credential } = await open(t);
	azure.vaults.allow(client, vault, { secrets: ["get"] });
	const older = azure.vaults.putSecret(vault, "db-password", "hunter1");
	azure.vaults.putSecret(vault, "db-password", "hunter2", { contentType: "text/plain", tags: { team: "shop" } });
	const secrets = new SecretClient(azure.vaultUrl(vault), credential, settings);
	const { value, properties } = await secrets.getSecret("db-password");
	t.is(value, "hunter2");
	t.like(properties, { contentType: "text/plain", enabled: true, tags: { team: "shop" }, vaultUrl: azure.vaultUrl(vault) });
	t.is((await secrets.getSecret("db-password", { version: older })).value, "hunter1");
	await t.throwsAsync(secrets.getSecret("nothing-here"), { code: "SecretNotFound" });
	t.deepEqual(operations(azure), ["secrets/get 401", "token 200", "secrets/get 200", "secrets/get 200", "secrets/get 404"]);
	t.deepEqual(azure.proxy.tunnels, ["kv-main.vault.azure.net:443", "login.microsoftonline.com:443"], "connections are kept");
});

test("the SDK lists by pages, without values", async (t) => {
	const { azure, settings, credential } = await open(t, { pageSize: 2 });
	azure.vaults.allow(client, vault, { secrets: ["list"], keys: ["list"], certificates: ["list"] });
	const versions = Array.from({ length: 5 }, (_, index) => azure.vaults.putSecret(vault, "many", `value ${index}`));
	azure.vaults.putSecret(vault, "other", "o", { enabled: false });
	await azure.vaults.putKey(vault, "signing", { type: "EC" });
	const secrets = new SecretClient(azure.vaultUrl(vault), credential, settings);
	const found = await collect(secrets.listPropertiesOfSecretVersions("many"));
	t.deepEqual(
		found.map(({ version }) => version),
		versions.toSorted(),
	);
	t.is(new Set(found.map(({ createdOn }) => createdOn?.getTime())).size, versions.length, "each is told when it was made");
	t.is(azure.calls({ operation: "secrets/versions", status: 200 }).length, 3);
	const all = await collect(secrets.listPropertiesOfSecrets());
	t.deepEqual(
		all.map(({ name, enabled }) => [name, enabled]),
		[
			["many", true],
			["other", false],
		],
	);
	const keys = await collect(new KeyClient(azure.vaultUrl(vault), credential, settings).listPropertiesOfKeys());
	t.deepEqual(
		keys.map(({ name }) => name),
		["signing"],
	);
});

test("the SDK gets keys of all kinds, and decrypts and unwraps with those that can", async (t) => {
	const { azure, settings, credential } = await open(t);
	azure.vaults.allow(client, vault, { keys: ["get", "encrypt", "decrypt", "wrapKey", "unwrapKey"] });
	const kinds = ["P-256", "P-384", "P-521", "P-256K"] as const;
	for (const curve of kinds) await azure.vaults.putKey(vault, `ec-${curve}`, { type: "EC-HSM", curve });
	await azure.vaults.putKey(vault, "module", { type: "oct-HSM" });
	const { publicKey, version } = await azure.vaults.putKey(vault, "envelope");
	const keys = new KeyClient(azure.vaultUrl(vault), credential, settings);
	for (const curve of kinds) t.like((await keys.getKey(`ec-${curve}`)).key, { kty: "EC-HSM", crv: curve });
	t.is((await keys.getKey("module")).keyType, "oct-HSM");
	const envelope = await keys.getKey("envelope");
	t.deepEqual(Buffer.from(envelope.key?.n ?? []), Buffer.from(publicKey?.export({ format: "jwk" }).n ?? "", "base64url"));
	const cryptography = new CryptographyClient(`${azure.vaultUrl(vault)}/keys/envelope/${version}`, credential, settings);
	for (const algorithm of ["RSA-OAEP", "RSA-OAEP-256", "RSA1_5"] as const) {
		const { result: encrypted } = await cryptography.encrypt({ algorithm, plaintext: Buffer.from("hunter2") });
		t.is(Buffer.from((await cryptography.decrypt({ algorithm, ciphertext: encrypted })).result).toString(), "hunter2", algorithm);
	}
	const content = Buffer.alloc(32, 7);
	const { result: wrapped } = await cryptography.wrapKey("RSA-OAEP-256", content);
	t.deepEqual(Buffer.from((await cryptography.unwrapKey("RSA-OAEP-256", wrapped)).result), content);
});

test("the SDK gets a certificate, its key and its secret, which are one version", async (t) => {
	const { azure, settings, credential } = await open(t);
	azure.vaults.allow(client, vault, { secrets: ["get"], keys: ["get"], certificates: ["get"] });
	const made = makeAuthority(temporaryDirectory(t), "leaf");
	const [certificate, privateKey] = [readFileSync(made.certificate, "utf8"), readFileSync(made.key, "utf8")];
	const secret = `${privateKey}${certificate}`;
	const version = azure.vaults.putCertificate(vault, "web", { certificate, privateKey, secret, contentType: "application/x-pem-file" });
	const url = azure.vaultUrl(vault);
	const { cer, secretId, keyId, properties } = await new CertificateClient(url, credential, settings).getCertificate("web");
	t.is(Buffer.from(cer ?? []).toString("base64"), certificate.replace(/-----.*-----|\s/g, ""));
	t.is(properties.version, version);
	t.deepEqual([secretId, keyId], [`${url}/secrets/web/${version}`, `${url}/keys/web/${version}`]);
	const part = await new SecretClient(url, credential, settings).getSecret("web");
	t.is(part.value, secret);
	t.like(part.properties, { contentType: "application/x-pem-file", managed: true, certificateKeyId: keyId });
	t.is((await new KeyClient(url, credential, settings).getKey("web")).keyType, "RSA");
});

test("the SDK logs in with a client secret, in a cloud of another country too", async (t) => {
	const { azure, settings } = await open(t);
	const tenant = "8b7c0000-0000-4000-8000-00000000000c";
	azure.directory.addTenant(tenant, "AzureUSGovernmentCloud");
	azure.directory.addClientSecret({ tenant, client: "app", secret: "right" });
	azure.vaults.add("kv-gov", { tenant, cloud: "AzureUSGovernmentCloud" });
	azure.vaults.allow("app", "kv-gov", { secrets: ["get"] });
	azure.vaults.putSecret("kv-gov", "db", "hunter2");
	const government = { ...settings, authorityHost: "https://login.microsoftonline.us" };
	const read = (secret: string) => {
		const credential = new ClientSecretCredential(tenant, "app", secret, government);
		return new SecretClient(azure.vaultUrl("kv-gov"), credential, settings).getSecret("db");
	};
	t.is(azure.vaultUrl("kv-gov"), "https://kv-gov.vault.usgovcloudapi.net");
	t.is((await read("right")).value, "hunter2");
	await t.throwsAsync(read("wrong"), { message: /AADSTS7000215/ });
});

test.serial("the SDK finds the identity of a virtual machine", async (t) => {
	const { azure, settings } = await open(t);
	azure.nodeIdentities.ofNode.push({ client: "node", systemAssigned: true }, { client: "assigned" });
	azure.vaults.allow("assigned", vault, { secrets: ["get"] });
	azure.vaults.putSecret(vault, "db", "hunter2");
	process.env["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = await azure.listenAsMetadata();
	t.teardown(() => delete process.env["AZURE_POD_IDENTITY_AUTHORITY_HOST"]);
	const read = (id: object) => {
		const credential = new ManagedIdentityCredential({ ...id, retryOptions: { maxRetries: 0 } });
		return new SecretClient(azure.vaultUrl(vault), credential, settings).getSecret("db");
	};
	t.is((await read({ clientId: "assigned" })).value, "hunter2");
	await t.throwsAsync(read({}), { code: "Forbidden" });
	await t.throwsAsync(read({ clientId: "unknown" }), { message: /Identity not found/ });
});

test("the SDK comes again when it is told to, and logs in again when its token has ended", async (t) => {
	const { azure, settings, credential } = await open(t);
	azure.vaults.allow(client, vault, { secrets: ["get"] });
	azure.vaults.putSecret(vault, "db", "hunter2");
	const secrets = new SecretClient(azure.vaultUrl(vault), credential, settings);
	azure.faults.add({ behaviour: throttled(1), operation: "secrets/get", client, times: 1 });
	t.is((await secrets.getSecret("db")).value, "hunter2");
	t.deepEqual(operations(azure), ["secrets/get 401", "token 200", "secrets/get 429", "secrets/get 200"]);
	azure.tokens.endAll();
	await t.throwsAsync(secrets.getSecret("db"), { code: "Unauthorized", message: /TokenExpired/ });
});
