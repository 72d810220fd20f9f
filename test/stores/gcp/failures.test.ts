import test from "ava";
import { clusterProvider, pool, providerAudience, type Site } from "../../servers/gcp/servers-support.ts";
import { createTokenIssuer } from "../../support/token-issuer.ts";
import { letRead, type MounterOptions, type MountOptions, openGoogle, startMounter } from "./harness.ts";

const db = "projects/my-proj/secrets/db";
const parameter = "projects/my-proj/locations/global/parameters/app";
const secret = (version = "latest") => `- {resourceName: ${db}/versions/${version}, path: f}`;
const loginPrefix = "unable to obtain auth for mount: unable to obtain workload identity auth: ";
const exchangePrefix = `${loginPrefix}unable to fetch identitybindingtoken: `;

interface Case {
	readonly title: string;
	readonly secrets?: string;
	readonly prepare?: (site: Site) => void;
	readonly mounter?: (site: Site) => MounterOptions;
	readonly mount?: (site: Site) => MountOptions | Promise<MountOptions>;
	readonly code: string;
	/** The status; INTERNAL unless it is said. */
	readonly status?: string;
	/** Parts of the text, the first one its beginning. */
	readonly texts: readonly string[];
}

const item = `{${db}/versions/latest  f}: rpc error: code = `;

const reads: readonly Case[] = [
	{
		title: "a secret that does not exist",
		prepare: ({ gcp }) => gcp.secrets.delete(db),
		code: "absent",
		texts: [
			`${item}NotFound desc = Secret [projects/123456789012/secrets/db] not found`,
			"gcloud secrets versions list db --project my-proj",
		],
	},
	{
		title: "a version that does not exist",
		secrets: secret("7"),
		code: "absent",
		texts: [`{${db}/versions/7  f}: rpc error: code = NotFound`],
	},
	{
		title: "a secret without a right",
		prepare: ({ gcp }) => gcp.iam.revoke(`serviceAccount:${pool}[shop/web]`),
		code: "denied",
		texts: [
			`${item}PermissionDenied desc = Permission 'secretmanager.versions.access' denied`,
			"service account shop/web",
			`gcloud secrets add-iam-policy-binding db --project my-proj --role roles/secretmanager.secretAccessor --member "serviceAccount:${pool}[shop/web]"`,
		],
	},
	{
		title: "a disabled version",
		prepare: ({ gcp }) => gcp.secrets.setState(db, 1, "DISABLED"),
		code: "denied",
		texts: [`${item}FailedPrecondition`, "is disabled or its key is"],
	},
	{
		title: "a destroyed version",
		prepare: ({ gcp }) => gcp.secrets.setState(db, 1, "DESTROYED"),
		code: "absent",
		texts: [`${item}FailedPrecondition`, "has destroyed"],
	},
	{
		title: "a parameter that does not exist",
		secrets: `- {resourceName: ${parameter}/versions/v9, path: f}`,
		code: "absent",
		texts: [`{${parameter}/versions/v9  f}: rpc error: code = NotFound`, "gcloud parametermanager"],
	},
	{
		title: "a disabled parameter",
		secrets: `- {resourceName: ${parameter}/versions/v1, path: f}`,
		prepare: ({ gcp }) => gcp.parameters.setDisabled(`${parameter}/versions/v1`, true),
		code: "denied",
		texts: [`{${parameter}/versions/v1  f}: rpc error: code = FailedPrecondition`],
	},
	{
		title: "a project without the API, which is nobody's word on rights",
		prepare: ({ gcp }) =>
			void gcp.faults.add({ kind: "error", status: "PERMISSION_DENIED", reason: "SERVICE_DISABLED" }, { operation: "secrets.access" }),
		code: "unreachable",
		texts: [`${item}PermissionDenied`, "gcloud services enable secretmanager.googleapis.com"],
	},
	{
		title: "a project at the end of its quota",
		prepare: ({ gcp }) => gcp.quotas.limit("secrets.access", { requests: 0 }),
		code: "unreachable",
		texts: [`${item}ResourceExhausted`, "limits the rate of requests"],
	},
	{
		title: "an access token that Google does not take",
		prepare: ({ gcp }) => void gcp.faults.add({ kind: "error", status: "UNAUTHENTICATED" }, { operation: "secrets.access" }),
		code: "unreachable",
		texts: [`${item}Unauthenticated`, "does not accept the session's access token any more"],
	},
	{
		title: "an answer whose checksum is wrong",
		prepare: ({ gcp }) =>
			void gcp.faults.add(
				{ kind: "alter", alter: (body) => ({ ...body, payload: { data: "b3RoZXI=", dataCrc32c: "1" } }) },
				{ operation: "secrets.access" },
			),
		code: "unreachable",
		texts: ["secrets[0]", "its checksum does not fit its payload"],
	},
	{
		title: "an answer that holds nothing",
		prepare: ({ gcp }) => void gcp.faults.add({ kind: "alter", alter: () => ({}) }, { operation: "secrets.access" }),
		code: "unreachable",
		texts: ["secrets[0]", "it holds no payload"],
	},
	{
		title: "a page of something in between, which is no word of Google's",
		prepare: ({ gcp }) => void gcp.faults.add({ kind: "status", status: 404 }, { operation: "secrets.access" }),
		code: "unreachable",
		texts: ["secrets[0]", "gave no usable answer"],
	},
	{
		title: "an endpoint that cuts connections",
		prepare: ({ gcp }) => void gcp.faults.add({ kind: "reset" }, { operation: "secrets.access" }),
		code: "unreachable",
		texts: [`${item}Unavailable`, "secretmanager.googleapis.com:443 is unreachable: the connection was cut while its answer was awaited"],
	},
];

const logins: readonly Case[] = [
	{
		title: "a cluster that the administrator has not named",
		mounter: () => ({ options: { workloadPool: "", identityProvider: "" } }),
		code: "invalid",
		status: "PERMISSION_DENIED",
		texts: ["The administrator has not named the cluster", "dialects.gcp"],
	},
	{
		title: "no token at all",
		mount: () => ({ tokens: {} }),
		code: "unidentified",
		status: "PERMISSION_DENIED",
		texts: [`${loginPrefix}unable to fetch SA token from driver: no tokens were sent`, `{audience: ${pool}}`],
	},
	{
		title: "only tokens of other audiences",
		mount: async ({ issuer }) => ({
			tokens: { vault: await issuer.token({ name: "p", namespace: "shop", uid: "u", serviceAccount: "web" }) },
		}),
		code: "unidentified",
		status: "PERMISSION_DENIED",
		texts: [`${loginPrefix}unable to fetch SA token from driver: no token has audience value of idPool`],
	},
	{
		title: "a pool that does not know the cluster",
		prepare: ({ gcp }) => gcp.federation.distrust(`identitynamespace:${pool}:${clusterProvider}`),
		code: "invalid",
		status: "PERMISSION_DENIED",
		texts: [`${exchangePrefix}could not get idbindtoken token, status: 400`, "invalid_target", "identityProvider"],
	},
	{
		title: "a cluster whose issuer is another",
		prepare({ gcp }) {
			gcp.federation.distrust(`identitynamespace:${pool}:${clusterProvider}`);
			const stranger = strangers.issuer;
			if (stranger !== undefined) gcp.federation.trustCluster({ pool, provider: clusterProvider, issuer: stranger });
		},
		code: "unidentified",
		status: "PERMISSION_DENIED",
		texts: [`${exchangePrefix}could not get idbindtoken token, status: 400`, "must trust this cluster's token issuer"],
	},
	{
		title: "a provider that takes another audience",
		mounter: () => ({ options: { workloadPool: "", identityProvider: providerAudience, audience: pool } }),
		code: "unidentified",
		status: "PERMISSION_DENIED",
		texts: [`${exchangePrefix}could not get idbindtoken token, status: 400`, "allowed audiences"],
	},
	{
		title: "a token service that is out of order",
		prepare: ({ gcp }) => void gcp.faults.add({ kind: "error", status: "UNAVAILABLE" }, { operation: "sts.exchange" }),
		code: "unreachable",
		status: "PERMISSION_DENIED",
		texts: [`${exchangePrefix}could not get idbindtoken token, status: 503`],
	},
	{
		title: "an account that the pod may not act as",
		mounter: ({ app }) => ({ annotations: { web: { "iam.gke.io/gcp-service-account": app } } }),
		code: "denied",
		status: "PERMISSION_DENIED",
		texts: [
			`${loginPrefix}unable to fetch gcp service account token: rpc error: code = PermissionDenied desc = Permission 'iam.serviceAccounts.getAccessToken' denied`,
			`--role roles/iam.workloadIdentityUser --member "serviceAccount:${pool}[shop/web]"`,
		],
	},
	{
		title: "an account that does not exist",
		mounter: () => ({ annotations: { web: { "iam.gke.io/gcp-service-account": "nobody@my-proj.iam.gserviceaccount.com" } } }),
		code: "denied",
		status: "PERMISSION_DENIED",
		texts: [`${loginPrefix}unable to fetch gcp service account token: rpc error: code = NotFound`],
	},
	{
		title: "an annotation that names no account",
		mounter: () => ({ annotations: { web: { "iam.gke.io/gcp-service-account": "../../v1/other" } } }),
		code: "invalid",
		status: "PERMISSION_DENIED",
		texts: ["secrets[0]", "is no Google service account", "kubectl annotate"],
	},
	{
		title: "a key file whose key was deleted",
		mounter: () => ({ options: { allowKeyFiles: "true" } }),
		mount({ gcp, app }) {
			const file = gcp.accounts.createKey(app);
			gcp.accounts.deleteKeys(app);
			return { secrets: { "key.json": file } };
		},
		code: "unidentified",
		status: "PERMISSION_DENIED",
		texts: [
			"unable to obtain auth for mount: unable to generate credentials from key.json: invalid_grant",
			"gcloud iam service-accounts keys list",
		],
	},
	{
		title: "a node without a metadata server",
		mounter: () => ({ options: { nodeIdentity: { namespaces: ["shop"] }, endpoints: { metadata: "http://127.0.0.1:1" } } }),
		mount: () => ({ parameters: { auth: "provider-adc" } }),
		code: "unreachable",
		status: "PERMISSION_DENIED",
		texts: ["secrets[0]", "metadata server gave no answer", "169.254.169.254"],
	},
	{
		title: "something else in the place of the metadata server",
		mounter: ({ gcp }) => ({ options: { nodeIdentity: { namespaces: ["shop"] }, endpoints: { metadata: gcp.proxy.address } } }),
		mount: () => ({ parameters: { auth: "provider-adc" } }),
		code: "unreachable",
		status: "PERMISSION_DENIED",
		texts: ["secrets[0]", "is none of Google's"],
	},
	{
		title: "a proxy that refuses to open the way",
		prepare({ gcp }) {
			gcp.proxy.conduct = "refuse";
		},
		code: "unreachable",
		status: "PERMISSION_DENIED",
		texts: [exchangePrefix, "securetoken.googleapis.com:443 is unreachable: the proxy did not open the way"],
	},
	{
		title: "a certificate of an authority that is not trusted",
		prepare() {
			// The authority that the stand-ins' certificate comes from is forgotten; the test's own end brings it back.
			delete process.env["SSL_CERT_FILE"];
			delete process.env["NODE_EXTRA_CA_CERTS"];
		},
		code: "unreachable",
		status: "PERMISSION_DENIED",
		texts: [exchangePrefix, "securetoken.googleapis.com:443 is unreachable: its certificate"],
	},
];

const strangers: { issuer?: Awaited<ReturnType<typeof createTokenIssuer>> } = {};
test.before(async () => {
	strangers.issuer = await createTokenIssuer("https://issuer.example");
});

for (const { title, secrets = secret(), prepare, mounter, mount, code, status = "INTERNAL", texts } of [...reads, ...logins]) {
	test.serial(`${title}: ${code}`, async (t) => {
		const site = await openGoogle(t);
		letRead(site.gcp);
		site.gcp.secrets.add(db, "hunter2");
		site.gcp.parameters.add(`${parameter}/versions/v1`, "on");
		prepare?.(site);
		const { refusal } = await startMounter(t, site, mounter?.(site));
		const before = performance.now();
		const error = await refusal(secrets, await mount?.(site));
		t.true(performance.now() - before < 5_000, "it is told in seconds");
		t.is(error.errorCode, code, error.details);
		t.is(error.code, status, error.details);
		t.true(error.details.startsWith(texts[0] ?? ""), error.details);
		for (const text of texts) t.true(error.details.includes(text), `${text}\n${error.details}`);
		for (const confidential of ["hunter2", "ya29.", "eyJ"]) t.false(error.details.includes(confidential), error.details);
	});
}

test.serial("a pod's token that has expired is refused before Google is asked", async (t) => {
	const site = await openGoogle(t);
	const { refusal } = await startMounter(t, site, { options: {} });
	const token = await site.issuer.token(
		{ name: "p", namespace: "shop", uid: "u", serviceAccount: "web" },
		{ audience: pool, lifetime: -60 },
	);
	const error = await refusal(secret(), { tokens: { [pool]: token } });
	t.is(error.errorCode, "unidentified");
	t.deepEqual(site.gcp.counts(), {});
});

test.serial("Google's wish to be left alone is heard in a header and in the body", async (t) => {
	for (const pause of [{ retryAfterSeconds: 1 }, { retryDelay: "0.3s" }]) {
		const site = await openGoogle(t);
		letRead(site.gcp);
		site.gcp.secrets.add(db, "hunter2");
		site.gcp.faults.add({ kind: "error", status: "RESOURCE_EXHAUSTED", ...pause }, { operation: "secrets.access", times: 1 });
		const { mount } = await startMounter(t, site);
		const before = performance.now();
		t.is((await mount(secret())).files.size, 1);
		t.true(performance.now() - before >= 1_000, JSON.stringify(pause));
		t.is(site.gcp.counts()["secrets.access"], 2);
	}
});
