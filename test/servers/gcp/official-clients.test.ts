import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { auth, secretmanager } from "@googleapis/secretmanager";
import test, { type ExecutionContext } from "ava";
import { GoogleAuth, JWT } from "google-auth-library";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { cloudPlatformScope } from "./access-tokens.ts";
import { crc32c } from "./crc32c.ts";
import { clusterAudience, openSite, pool, providerAudience, type Site, web, webMember } from "./servers-support.ts";

// Google's own clients, as they are: all they are told is a proxy and an authority, by the process's environment.
let site: Site;
const db = "projects/my-proj/secrets/db";

test.before(async () => {
	site = await openSite(undefined);
	const { gcp, app } = site;
	Object.assign(process.env, gcp.environment);
	setDefaultCACertificates([...getCACertificates(), readFileSync(gcp.caFile, "utf8")]);
	gcp.secrets.add(db, "hunter2");
	for (const member of [webMember, `serviceAccount:${app}`, "serviceAccount:node@my-proj.iam.gserviceaccount.com"])
		gcp.iam.allow(member, "roles/secretmanager.secretAccessor", "projects/my-proj");
});
test.after.always(() => site?.gcp.stop());

/** What `gcloud iam workload-identity-pools create-cred-config` writes, for a token in a file. */
async function externalAccount(t: ExecutionContext<unknown>, audience: string, tokenAudience: string, impersonated?: string) {
	const file = join(temporaryDirectory(t), "token");
	writeFileSync(file, await site.issuer.token(web, { audience: tokenAudience }));
	const impersonation = `https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${impersonated}:generateAccessToken`;
	return {
		type: "external_account",
		universe_domain: "googleapis.com",
		audience,
		subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
		token_url: "https://sts.googleapis.com/v1/token",
		credential_source: { file, format: { type: "text" } },
		...(impersonated === undefined ? {} : { service_account_impersonation_url: impersonation }),
	};
}

function secretsAs(credentials: object, location?: string) {
	const client = new auth.GoogleAuth({ credentials, scopes: [cloudPlatformScope] });
	const rootUrl = location === undefined ? {} : { rootUrl: `https://secretmanager.${location}.rep.googleapis.com/` };
	return secretmanager({ version: "v1", auth: client, retry: false, ...rootUrl }).projects;
}

test.serial("a pod of GKE reads a secret as itself", async (t) => {
	const { gcp } = site;
	gcp.reset();
	const { data } = await secretsAs(await externalAccount(t, clusterAudience, pool)).secrets.versions.access({
		name: `${db}/versions/latest`,
	});
	t.is(data.name, "projects/123456789012/secrets/db/versions/1");
	t.is(Buffer.from(data.payload?.data ?? "", "base64").toString(), "hunter2");
	t.is(data.payload?.dataCrc32c, crc32c(Buffer.from("hunter2")));
	t.deepEqual(gcp.counts(), { "sts.exchange": 1, "secrets.access": 1 });
	t.deepEqual([...new Set(gcp.proxy.targets)].sort(), ["secretmanager.googleapis.com:443", "sts.googleapis.com:443"]);
	t.true(gcp.calls().every(({ principal }) => principal === webMember));
});

test.serial("a pod of any cluster becomes a service account and reads a regional secret and its states", async (t) => {
	const { gcp, app } = site;
	gcp.reset();
	const secret = "projects/my-proj/locations/europe-west3/secrets/db";
	gcp.secrets.add(secret, "one");
	gcp.secrets.setAlias(secret, "prod", gcp.secrets.add(secret, "two"));
	gcp.secrets.setState(secret, gcp.secrets.add(secret, "three"), "DISABLED");
	const subject = `principal:${providerAudience.replace(/\/providers\/.*$/, "")}/subject/system:serviceaccount:shop:web`;
	gcp.iam.allow(subject, "roles/iam.workloadIdentityUser", `projects/-/serviceAccounts/${app}`);
	gcp.iam.allow(`serviceAccount:${app}`, "roles/secretmanager.viewer", secret);
	const { secrets } = secretsAs(await externalAccount(t, providerAudience, providerAudience, app), "europe-west3").locations;
	const { data } = await secrets.versions.access({ name: `${secret}/versions/prod` });
	t.is(Buffer.from(data.payload?.data ?? "", "base64").toString(), "two");
	t.is((await secrets.versions.get({ name: `${secret}/versions/3` })).data.state, "DISABLED");
	t.deepEqual((await secrets.get({ name: secret })).data.versionAliases, { prod: "2" });
	t.deepEqual(gcp.counts(), {
		"sts.exchange": 1,
		"iam.generateAccessToken": 1,
		"secrets.access": 1,
		"secrets.getVersion": 1,
		"secrets.get": 1,
	});
	const disabled = await t.throwsAsync(secrets.versions.access({ name: `${secret}/versions/latest` }));
	t.is(disabled?.message, "Secret Version [projects/123456789012/locations/europe-west3/secrets/db/versions/3] is in DISABLED state.");
});

test.serial("a key file is worth a token, by grant or signed by itself", async (t) => {
	const { gcp, app } = site;
	gcp.reset();
	const credentials = JSON.parse(gcp.accounts.createKey(app));
	const { data } = await secretsAs(credentials).secrets.versions.access({ name: `${db}/versions/1` });
	t.is(Buffer.from(data.payload?.data ?? "", "base64").toString(), "hunter2");
	const url = `https://secretmanager.googleapis.com/v1/${db}/versions/1:access`;
	const granted = new GoogleAuth({ credentials, scopes: [cloudPlatformScope] });
	t.is((await granted.request({ url })).status, 200);
	const selfSigned = new JWT({ email: app, key: credentials.private_key, keyId: credentials.private_key_id, scopes: [cloudPlatformScope] });
	selfSigned.useJWTAccessWithScope = true;
	t.is((await selfSigned.request({ url })).status, 200);
	const { "secrets.access": reads, "oauth2.token": grants = 0 } = gcp.counts();
	t.is(reads, 3);
	t.true(grants >= 1 && grants < 3, `${grants} grants`);
	gcp.accounts.deleteKeys(app);
	await t.throwsAsync(new GoogleAuth({ credentials, scopes: [cloudPlatformScope] }).request({ url }), { message: /Invalid JWT Signature/ });
});

test.serial("the node's own identity comes from the metadata server", async (t) => {
	const { gcp } = site;
	gcp.reset();
	const { data } = await new GoogleAuth({ scopes: [cloudPlatformScope] }).request<{ readonly name: string }>({
		url: `https://secretmanager.googleapis.com/v1/${db}/versions/1:access`,
	});
	t.is(data.name, "projects/123456789012/secrets/db/versions/1");
	t.is(gcp.calls("secrets.access")[0]?.principal, "serviceAccount:node@my-proj.iam.gserviceaccount.com");
	t.true((gcp.counts()["metadata.token"] ?? 0) >= 1);
});

test.serial("a parameter is rendered and a value encrypted and decrypted, with the authenticated client", async (t) => {
	const { gcp, app } = site;
	gcp.reset();
	const parameter = "projects/my-proj/locations/global/parameters/app";
	const key = "projects/my-proj/locations/europe-west3/keyRings/r/cryptoKeys/k";
	gcp.parameters.add(`${parameter}/versions/v1`, `{"password": "__REF__("//secretmanager.googleapis.com/${db}/versions/1")"}`);
	gcp.iam.allow(gcp.parameters.member(parameter), "roles/secretmanager.secretAccessor", db);
	gcp.iam.allow(`serviceAccount:${app}`, "roles/parametermanager.parameterAccessor", parameter);
	gcp.keys.add(key);
	for (const role of ["roles/cloudkms.cryptoKeyEncrypter", "roles/cloudkms.cryptoKeyDecrypter"] as const)
		gcp.iam.allow(`serviceAccount:${app}`, role, key);
	const client = new GoogleAuth({ credentials: JSON.parse(gcp.accounts.createKey(app)), scopes: [cloudPlatformScope] });
	const rendered = await client.request<{ readonly renderedPayload: string }>({
		url: `https://parametermanager.googleapis.com/v1/${parameter}/versions/v1:render`,
	});
	t.is(Buffer.from(rendered.data.renderedPayload, "base64").toString(), '{"password": "hunter2"}');
	const bytes = Buffer.from("a secret");
	const additionalAuthenticatedData = Buffer.from("ns=shop,sa=web").toString("base64");
	const encrypted = await client.request<{ readonly ciphertext: string; readonly verifiedPlaintextCrc32c: boolean }>({
		url: `https://cloudkms.googleapis.com/v1/${key}:encrypt`,
		method: "POST",
		data: { plaintext: bytes.toString("base64"), plaintextCrc32c: crc32c(bytes), additionalAuthenticatedData },
	});
	t.true(encrypted.data.verifiedPlaintextCrc32c);
	const { data } = await client.request<{ readonly plaintext: string; readonly plaintextCrc32c: string }>({
		url: `https://cloudkms.europe-west3.rep.googleapis.com/v1/${key}:decrypt`,
		method: "POST",
		data: { ciphertext: encrypted.data.ciphertext, additionalAuthenticatedData },
	});
	t.deepEqual(data.plaintext, bytes.toString("base64"));
	t.is(data.plaintextCrc32c, crc32c(bytes));
});
