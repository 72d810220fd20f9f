import { readFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import type { Manifest } from "../manifests/read-manifests.ts";
import { issue, makeAuthority } from "../net/certificates.ts";
import { startVault } from "../servers/vault/vault.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { type Document, guides } from "./markdown.ts";
import { startSite } from "./site.ts";
import { follow, type WorkbenchOptions, type WorkbenchResult } from "./workbench.ts";

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

/** What is there when a page begins. */
const before: Readonly<Record<string, readonly Manifest[]>> = {
	"docs/migration.md": [
		{ apiVersion: "v1", kind: "Namespace", metadata: { name: "vault" } },
		{
			apiVersion: "apps/v1",
			kind: "DaemonSet",
			metadata: { name: "vault-csi-provider", namespace: "vault" },
			spec: {
				selector: { matchLabels: { app: "vault-csi-provider" } },
				template: { metadata: { labels: { app: "vault-csi-provider" } }, spec: { containers: [{ name: "provider", image: "none" }] } },
			},
		},
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
const needsVault = (document: Document) => /^vault /m.test(commandsOf(document));
const withCluster = guides.filter((document) => /\b(?:kubectl|helm)\b/.test(commandsOf(document)));

function assertFollowed(t: ExecutionContext<unknown>, { status, output, failures }: WorkbenchResult): void {
	t.deepEqual(failures, [], output);
	t.is(status, 0, output);
}

for (const document of withCluster.filter((each) => !isRunbook(each) && !needsVault(each))) {
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
	const [document, ...others] = withCluster.filter(needsVault);
	if (document === undefined) throw new Error("no page has commands for Vault");
	t.deepEqual(others, []);
	const directory = temporaryDirectory(t);
	const authority = makeAuthority(directory, "authority");
	const { certificate, key } = issue(directory, authority, "server");
	const vault = await startVault(t, { tlsCertificate: certificate, tlsKey: key });
	const { environment, address } = await startSite(t, { installed: true });
	const result = await follow(t, document, {
		environment: {
			...environment,
			DOCS_VAULT_ADDRESS: vault.address,
			DOCS_VAULT_TOKEN: vault.rootToken,
			NODE_EXTRA_CA_CERTS: authority.certificate,
		},
		replacements: [
			["https://vault.vault.svc:8200", vault.address],
			["/etc/claviger/ca/ca.crt", join(directory, "authority.pem")],
			["https://kubernetes.default.svc", address],
		],
	});
	assertFollowed(t, result);
	t.regex(result.output, /^DB_USER=shop$/m);
	t.regex(result.output, /^DB_PASSWORD=made-up$/m);
});
