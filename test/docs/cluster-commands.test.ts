import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import type { JSONWebKeySet } from "jose";
import type { Manifest } from "../manifests/read-manifests.ts";
import { issue, makeAuthority } from "../net/certificates.ts";
import { startAws } from "../servers/aws/aws.ts";
import { startAzure } from "../servers/azure/azure.ts";
import { defaultTenant } from "../servers/azure/entra/directory.ts";
import { startGcp } from "../servers/gcp/gcp.ts";
import { startVault } from "../servers/vault/vault.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { AwsDesk } from "./aws-desk.ts";
import { AzureDesk, operator } from "./azure-desk.ts";
import { GcpDesk } from "./gcp-desk.ts";
import { type Document, guide, guides } from "./markdown.ts";
import { startSite } from "./site.ts";
import { assertFollowed, follow, type WorkbenchOptions } from "./workbench.ts";

const zeros = `sha256:${"0".repeat(64)}`;
/** What readers put in the place of these. */
const readersOwn: NonNullable<WorkbenchOptions["replacements"]> = [
	[/\bREGISTRY\b/, "registry.example"],
	[/sha256:…/, zeros],
	[/\bPOD\b/, "claviger-x2x4z"],
	[/\bNODE\b/, "worker"],
];

/** Pages that begin without Claviger. */
const installing: ReadonlySet<string> = new Set(["README.md", "docs/install.md", "docs/migration.md", "manifests/deploy/README.md"]);

/** A provider of somebody else's. */
function oldProvider(namespace: string, name: string): Manifest {
	const [app, containers] = [{ app: name }, [{ name: "provider", image: "none" }]];
	const template = { metadata: { labels: app }, spec: { containers } };
	return { apiVersion: "apps/v1", kind: "DaemonSet", metadata: { name, namespace }, spec: { selector: { matchLabels: app }, template } };
}

/** What is there when a page begins. */
const before: Readonly<Record<string, readonly Manifest[]>> = {
	"docs/migration.md": [
		{ apiVersion: "v1", kind: "Namespace", metadata: { name: "vault" } },
		oldProvider("vault", "vault-csi-provider"),
		...["aws", "azure", "gcp"].map((cloud) => oldProvider("kube-system", `csi-secrets-store-provider-${cloud}`)),
		oldProvider("kube-system", "conjur-k8s-csi-provider"),
	],
	"docs/troubleshooting.md": [
		{ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } },
		{ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "web", namespace: "shop" } },
		{
			apiVersion: "v1",
			kind: "Pod",
			metadata: { name: "web-0", namespace: "shop" },
			spec: { serviceAccountName: "web", containers: [{ name: "web", image: "none" }] },
		},
	],
};

function commandsOf(document: Document): string {
	return document.blocks
		.filter(({ language }) => language === "sh")
		.map(({ text }) => text)
		.join("\n");
}

const isRunbook = (document: Document) => document.path.startsWith("docs/runbooks/");
/** Pages that are followed with a store of their own, here or in store-guides.test.ts. */
const withStore: ReadonlySet<string> = new Set(
	["aws", "azure", "confidant", "conjur", "cyberark-epv", "gcp", "kubernetes", "sealed", "vault"].map((store) => `docs/stores/${store}.md`),
);
const withCluster = guides.filter((document) => /\b(?:kubectl|helm)\b/.test(commandsOf(document)));

for (const document of withCluster.filter((each) => !isRunbook(each) && !withStore.has(each.path))) {
	test.serial(`the commands of ${document.path} do what it says, on a real API server`, async (t) => {
		const { environment } = await startSite(t, { installed: !installing.has(document.path), objects: before[document.path] ?? [] });
		const files = { "ca.crt": readFileSync(environment["DOCS_KUBERNETES_CA"] ?? "", "utf8") };
		assertFollowed(t, await follow(t, document, { environment, files, replacements: readersOwn }));
	});
}

test.serial("the commands of the runbooks are answered by a real API server", async (t) => {
	const { environment } = await startSite(t, { installed: true });
	const runbooks = guides.filter(isRunbook);
	t.true(runbooks.length > 10);
	for (const document of runbooks) {
		const { failures, output } = await follow(t, document, { environment, replacements: readersOwn, independent: true });
		t.deepEqual(failures, [], `${document.path}\n${output}`);
	}
});

test.serial("whoever follows the guide of Vault gets the secret out of a real Vault", async (t) => {
	const directory = temporaryDirectory(t);
	const authority = makeAuthority(directory, "authority");
	const { certificate, key } = issue(directory, authority, "server");
	const vault = await startVault(t, { tlsCertificate: certificate, tlsKey: key });
	const { environment, cluster } = await startSite(t, { installed: true });
	const result = await follow(t, guide("docs/stores/vault.md"), {
		environment: {
			...environment,
			DOCS_VAULT_ADDRESS: vault.address,
			DOCS_VAULT_TOKEN: vault.rootToken,
			NODE_EXTRA_CA_CERTS: authority.certificate,
		},
		replacements: [
			["https://vault.vault.svc:8200", vault.address],
			["/etc/claviger/ca/ca.crt", join(directory, "authority.pem")],
			["https://kubernetes.default.svc", cluster.address],
		],
	});
	assertFollowed(t, result);
	t.regex(result.output, /^DB_USER=shop$/m);
	t.regex(result.output, /^DB_PASSWORD=made-up$/m);
});

test.serial("whoever follows the guide of AWS gets the secrets out of it, by the policies that the guide writes", async (t) => {
	const [aws, { environment, cluster }] = await Promise.all([startAws(t, { account: "111122223333" }), startSite(t, { installed: true })]);
	const keys = (await cluster.jwks()) as JSONWebKeySet;
	const desk = await AwsDesk.open(t, aws, { issuer: cluster.address, keys });
	const result = await follow(t, guide("docs/stores/aws.md"), {
		environment: {
			...environment,
			DOCS_AWS_DESK: desk,
			AWS_ENDPOINT_URL: aws.endpoints.kms,
			AWS_ACCESS_KEY_ID: aws.operator.accessKeyId,
			AWS_SECRET_ACCESS_KEY: aws.operator.secretAccessKey,
		},
		// AWS's own addresses, which the policy need not name.
		replacements: [[/(?<=aws: \{(?:type: aws, )?region: eu-west-1)(?=[,}])/, `, endpoints: ${JSON.stringify(aws.endpoints)}`]],
	});
	assertFollowed(t, result);
	for (const line of ["DB_USER=shop", "DB_PASSWORD=made-up", "LOG_LEVEL=info"]) t.true(result.output.includes(`\n${line}\n`), line);
	t.regex(result.output, /==> compatible\/db-password <==\nmade-up\n/);
	t.regex(result.output, /==> sealed\/session-key <==\nmade-up/);
	t.is(aws.count({ service: "sts", role: aws.roleArn("shop") }), 1, "three volumes of one account are one login");
});

test.serial(
	"whoever follows the guide of Azure gets the secrets out of it, by the client and the roles that the guide makes",
	async (t) => {
		const [azure, { environment, cluster }] = await Promise.all([startAzure(t), startSite(t, { installed: true })]);
		const keys = (await cluster.jwks()) as JSONWebKeySet;
		const desk = await AzureDesk.open(t, azure, { issuer: cluster.address, keys });
		azure.directory.addClientSecret({ client: operator, secret: "made-up" });
		const login = { AZURE_TENANT_ID: defaultTenant, AZURE_CLIENT_ID: operator, AZURE_CLIENT_SECRET: "made-up" };
		const trust = { NODE_EXTRA_CA_CERTS: azure.caFile };
		const result = await follow(t, guide("docs/stores/azure.md"), {
			environment: { ...environment, ...azure.environment, ...trust, ...login, DOCS_CLOUD_DESK: desk },
		});
		assertFollowed(t, result);
		for (const line of ["DB_USER=shop", "DB_PASSWORD=made-up"]) t.true(result.output.includes(`\n${line}\n`), line);
		t.regex(result.output, /==> class\/tls.pem <==\n-----BEGIN PRIVATE KEY-----\n/);
		t.regex(result.output, /==> compatible\/web.crt <==\n-----BEGIN CERTIFICATE-----\n/);
		t.regex(result.output, /==> sealed\/session-key <==\nmade-up/);
		t.is(
			azure.calls({ operation: "token", client: "8f6c1c2e-58a7-4c1e-a5cf-3f2f5c1f0d11" }).length,
			1,
			"three volumes of one account are one login",
		);
	},
);

test.serial("whoever follows the guide of Google Cloud gets the secrets out of it, by the roles that the guide gives", async (t) => {
	const [gcp, { environment, cluster }] = await Promise.all([startGcp(t), startSite(t, { installed: true })]);
	const keys = (await cluster.jwks()) as JSONWebKeySet;
	const desk = await GcpDesk.open(t, gcp, { issuer: cluster.address, keys });
	const sealer = gcp.accounts.add("sealer");
	gcp.iam.allow(`serviceAccount:${sealer}`, "roles/cloudkms.cryptoKeyEncrypter", "projects/my-proj");
	const keyFile = join(temporaryDirectory(t), "sealer.json");
	writeFileSync(keyFile, gcp.accounts.createKey(sealer));
	const result = await follow(t, guide("docs/stores/gcp.md"), {
		environment: { ...environment, ...gcp.environment, GOOGLE_APPLICATION_CREDENTIALS: keyFile, DOCS_CLOUD_DESK: desk },
	});
	assertFollowed(t, result);
	for (const line of ["DB_USER=shop", "DB_PASSWORD=made-up"]) t.true(result.output.includes(`\n${line}\n`), line);
	t.regex(result.output, /==> class\/app.yaml <==\nlog: info/);
	t.regex(result.output, /==> compatible\/db-password <==\nmade-up/);
	t.regex(result.output, /==> sealed\/session-key <==\nmade-up/);
	t.is(gcp.calls("iam.generateAccessToken").length, 1, "the class of today's provider acts as the account of the annotation");
});
