import test from "ava";
import { startGcp } from "../../servers/gcp/gcp.ts";
import { clusterProvider, pool, providerAudience, providerName } from "../../servers/gcp/servers-support.ts";
import { CallFailure } from "../../support/mount-client.ts";
import { makePod } from "../../support/pods.ts";
import { startTestProvider } from "../../support/provider.ts";
import { createTokenIssuer } from "../../support/token-issuer.ts";
import { useEnvironment } from "./fixture.ts";
import { accessor, letRead, openGoogle, startMounter, storePolicy } from "./harness.ts";

const db = "projects/my-proj/secrets/db";
const list = `- {resourceName: ${db}/versions/latest, path: f}`;
const textOf = ({ files }: { readonly files: ReadonlyMap<string, { readonly contents: Buffer }> }) => files.get("f")?.contents.toString();
const annotation = "iam.gke.io/gcp-service-account";

test.serial("pods of another cluster log in by workload identity federation, with a token for the provider", async (t) => {
	const site = await openGoogle(t);
	const { gcp } = site;
	gcp.secrets.add(db, "hunter2");
	const subject = `principal:${providerAudience.replace(/\/providers\/.*$/, "")}/subject/system:serviceaccount:shop:web`;
	gcp.iam.allow(subject, accessor, db);
	for (const identityProvider of [providerAudience, `https:${providerAudience}`, providerName]) {
		const { mount } = await startMounter(t, site, { options: { workloadPool: "", identityProvider } });
		t.is(textOf(await mount(list, { audience: providerAudience })), "hunter2", identityProvider);
	}
	t.true(gcp.calls("sts.exchange").every(({ host }) => host === "sts.googleapis.com"));
});

test.serial("the audience of the pods' tokens may be another than the provider's name", async (t) => {
	const site = await openGoogle(t);
	const { gcp, issuer } = site;
	const name = "projects/123456789012/locations/global/workloadIdentityPools/clusters/providers/other";
	gcp.federation.trustProvider({ name, issuer, audiences: ["gcp"] });
	gcp.secrets.add(db, "hunter2");
	gcp.iam.allow(`principalSet://iam.googleapis.com/${name.replace(/\/providers\/.*$/, "")}/*`, accessor, db);
	const { mount } = await startMounter(t, site, { options: { workloadPool: "", identityProvider: name, audience: "gcp" } });
	t.is(textOf(await mount(list, { audience: "gcp" })), "hunter2");
});

test.serial("a chain of delegates leads to the account of the annotation", async (t) => {
	const site = await openGoogle(t);
	const { gcp, app } = site;
	const between = gcp.accounts.add("between");
	const [appName, betweenName] = [`projects/-/serviceAccounts/${app}`, `projects/-/serviceAccounts/${between}`];
	gcp.secrets.add(db, "hunter2");
	gcp.iam.allow(`serviceAccount:${app}`, accessor, db);
	gcp.iam.allow(`serviceAccount:${pool}[shop/web]`, "roles/iam.serviceAccountTokenCreator", betweenName);
	gcp.iam.allow(`serviceAccount:${between}`, "roles/iam.serviceAccountTokenCreator", appName);
	const web = { [annotation]: app, [`${annotation}-delegates`]: JSON.stringify([betweenName]) };
	const { mount, asked } = await startMounter(t, site, { annotations: { web } });
	t.is(textOf(await mount(list)), "hunter2");
	await Promise.all(Array.from({ length: 20 }, () => mount(list, { pod: makePod() })));
	t.is(asked.filter((request) => request.startsWith("GET ")).length, 2, "each annotation is read once, and no token is requested");
	t.is(asked.length, 2);
	const wrong = await startMounter(t, site, { annotations: { web: { ...web, [`${annotation}-delegates`]: "between" } } });
	const { code, details, errorCode } = await wrong.refusal(list);
	t.is(code, "PERMISSION_DENIED");
	t.is(errorCode, "invalid");
	t.true(
		details.startsWith(
			"unable to obtain auth for mount: unable to obtain workload identity auth: unable to parse delegates annotation on SA:",
		),
		details,
	);
});

test.serial("without an annotation, and where impersonation is off, pods act as themselves", async (t) => {
	const site = await openGoogle(t);
	letRead(site.gcp);
	site.gcp.secrets.add(db, "hunter2");
	const plain = await startMounter(t, site, { annotations: { web: {} } });
	t.is(textOf(await plain.mount(list)), "hunter2");
	const annotations = { web: { [annotation]: site.app } };
	const off = await startMounter(t, site, { annotations, options: { impersonation: "none" } });
	t.is(textOf(await off.mount(list)), "hunter2");
	t.deepEqual(off.asked, []);
	t.is(site.gcp.counts()["iam.generateAccessToken"], undefined);
	const missing = await startMounter(t, site, { annotations: {} });
	const { details, code } = await missing.refusal(list);
	t.is(code, "PERMISSION_DENIED");
	t.true(details.startsWith("unable to obtain auth for mount: unable to obtain workload identity auth: unable to fetch SA info:"), details);
});

test.serial("a key file is used by those who bring it, and only where the administrator allows it", async (t) => {
	const site = await openGoogle(t);
	const { gcp, app } = site;
	letRead(gcp, "none");
	gcp.secrets.add(db, "hunter2");
	gcp.iam.allow(`serviceAccount:${app}`, accessor, db);
	const other = gcp.accounts.add("other");
	const secrets = { "key.json": gcp.accounts.createKey(app) };
	const ignored = await startMounter(t, site);
	t.is((await ignored.refusal(list, { secrets })).errorCode, "denied", "without the switch it is the pod's own identity");
	const { mount, refusal } = await startMounter(t, site, { options: { allowKeyFiles: "true" }, ages: "default" });
	t.is(textOf(await mount(list, { secrets, tokens: {} })), "hunter2");
	t.is(
		(await refusal(list, { secrets: { "key.json": gcp.accounts.createKey(other) }, tokens: {} })).errorCode,
		"denied",
		"another's key gets nothing of it",
	);
	t.is((await refusal(list)).errorCode, "denied", "and a pod without one is only itself");
	for (const auth of ["pod-adc", "provider-adc"]) {
		const { code, details } = await refusal(list, { secrets, parameters: { auth } });
		t.is(code, "INVALID_ARGUMENT");
		t.true(details.startsWith(`attempting to set both nodePublishSecretRef and ${auth} auth`), details);
	}
});

const elsewhere = "https://evil.example/token";
for (const [title, change, text] of [
	[
		"of another kind, whose addresses its author chose",
		{ type: "external_account", token_url: elsewhere },
		"is no key of a service account",
	],
	["without an address", { client_email: "" }, "has no client_email"],
	["without a key", { private_key: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----" }, "is no RSA key"],
] as const) {
	test.serial(`a key file ${title} is refused before anybody is asked`, async (t) => {
		const site = await openGoogle(t);
		const file = { ...(JSON.parse(site.gcp.accounts.createKey(site.app)) as object), ...change };
		const { refusal } = await startMounter(t, site, { options: { allowKeyFiles: "true" } });
		const { code, details, errorCode } = await refusal(list, { secrets: { "key.json": JSON.stringify(file) } });
		t.is(code, "PERMISSION_DENIED");
		t.is(errorCode, "invalid");
		t.true(details.startsWith("unable to obtain auth for mount: unable to generate credentials from key.json: "), details);
		t.true(details.includes(text), details);
		t.deepEqual(site.gcp.counts(), {});
	});
}

test.serial("the address in a key file is not asked", async (t) => {
	const site = await openGoogle(t);
	site.gcp.secrets.add(db, "hunter2");
	site.gcp.iam.allow(`serviceAccount:${site.app}`, accessor, db);
	const file = { ...(JSON.parse(site.gcp.accounts.createKey(site.app)) as object), token_uri: elsewhere };
	const { mount } = await startMounter(t, site, { options: { allowKeyFiles: "true" } });
	t.is(textOf(await mount(list, { secrets: { "key.json": JSON.stringify(file) } })), "hunter2");
	t.false(site.gcp.proxy.targets.some((target) => target.includes("evil")));
});

test.serial("the node's identity is for pods of the namespaces that the administrator has named", async (t) => {
	const site = await openGoogle(t);
	const { gcp } = site;
	gcp.secrets.add(db, "hunter2");
	gcp.iam.allow("serviceAccount:node@my-proj.iam.gserviceaccount.com", accessor, db);
	const endpoints = { metadata: `http://${gcp.metadataHost}` };
	const { mount, refusal } = await startMounter(t, site, { options: { endpoints, nodeIdentity: { namespaces: ["shop"] } } });
	const parameters = { auth: "provider-adc" };
	t.is(textOf(await mount(list, { parameters, tokens: {} })), "hunter2", "no token of the pod is needed");
	const foreign = await refusal(list, { parameters, tokens: {}, pod: makePod({ namespace: "other" }) });
	t.is(foreign.errorCode, "refused");
	t.is(foreign.code, "PERMISSION_DENIED");
	t.deepEqual(gcp.counts(), { "metadata.token": 1, "secrets.access": 1 });
	const closed = await startMounter(t, site, { options: { endpoints } });
	t.is((await closed.refusal(list, { parameters })).errorCode, "refused");
	const policy = storePolicy({ identity: "node", endpoints });
	const provider = await startTestProvider(t, { policy, providers: "claviger", issuer: site.issuer });
	const objects = JSON.stringify([{ name: "f", path: "db" }]);
	await t.throwsAsync(provider.mount("claviger", makePod(), { objects }, { tokens: {} }), { message: /nodeIdentity\.namespaces/ });
});

test.serial("the node tells its cluster once, where the administrator has not written it", async (t) => {
	const issuer = await createTokenIssuer(clusterProvider);
	const gcp = await startGcp(t, {
		node: { email: "node@my-proj.iam.gserviceaccount.com", clusterName: "c", clusterLocation: "us-central1" },
	});
	useEnvironment(t, gcp.environment);
	gcp.federation.trustCluster({ pool, provider: clusterProvider, issuer });
	letRead(gcp, "one");
	letRead(gcp, "two");
	gcp.secrets.add(db, "hunter2");
	const options = { identityProvider: "", clusterFrom: "metadata", endpoints: { metadata: `http://${gcp.metadataHost}` } };
	const { mount } = await startMounter(t, { gcp, issuer, app: "" }, { options });
	for (const serviceAccount of ["one", "two"]) t.is(textOf(await mount(list, { pod: makePod({ serviceAccount }) })), "hunter2");
	t.is(gcp.counts()["metadata.get"], 3);
	t.is(gcp.counts()["metadata.token"], undefined, "nobody asks the node for its own rights");
});

for (const [title, store] of [
	["addresses", { endpoints: { sts: "https://evil.example" } }],
	["the node's identity", { identity: "node" }],
	["key files", { identity: "key" }],
	["the node's cluster", { clusterFrom: "metadata" }],
	["unbound ciphertexts", { allowUnboundKms: "true" }],
] as const) {
	test.serial(`a class cannot choose ${title}`, async (t) => {
		const site = await openGoogle(t);
		const provider = await startTestProvider(t, { policy: "profile: compatible", providers: "claviger", issuer: site.issuer });
		const stores = JSON.stringify({
			mine: { type: "gcp", project: "my-proj", workloadPool: pool, identityProvider: clusterProvider, ...store },
		});
		const objects = JSON.stringify([{ name: "f", store: "mine", path: "db" }]);
		const error = await t.throwsAsync(provider.mount("claviger", makePod(), { stores, objects }, { audience: pool }), {
			instanceOf: CallFailure,
		});
		t.true(error?.details.includes("only the administrator may write"), error?.details);
		t.deepEqual(site.gcp.counts(), {});
		t.deepEqual(site.gcp.proxy.targets, []);
	});
}

test.serial("a class's own store acts as the pod, and as the account that it names", async (t) => {
	const site = await openGoogle(t);
	const { gcp, app } = site;
	gcp.secrets.add(db, "hunter2");
	gcp.iam.allow(`serviceAccount:${app}`, accessor, db);
	gcp.iam.allow(`serviceAccount:${pool}[shop/web]`, "roles/iam.workloadIdentityUser", `projects/-/serviceAccounts/${app}`);
	const provider = await startTestProvider(t, { policy: "profile: strict", providers: "claviger", issuer: site.issuer });
	const stores = JSON.stringify({
		mine: { type: "gcp", project: "my-proj", workloadPool: pool, identityProvider: clusterProvider, role: app },
	});
	const objects = JSON.stringify([{ name: "f", store: "mine", path: "db" }]);
	t.is(textOf(await provider.mount("claviger", makePod(), { stores, objects }, { audience: pool })), "hunter2");
});
