import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { stringify } from "yaml";
import { lint } from "../cli/lint/run-lint.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { type Block, guides } from "./markdown.ts";
import { blocksOfKind, yamlKind } from "./yaml-kinds.ts";

const gkeCluster = "https://container.googleapis.com/v1/projects/my-proj/locations/europe-west3/clusters/shop";
/** What the administrator of the documents' cluster has configured. */
const policy = `profile: strict
endpoints: ["https://vault.example:8200", "https://vault.vault.svc:8200", "https://ccp.example"]
stores:
  vault: {type: vault, address: "https://vault.example:8200"}
  aws: {type: aws, region: eu-west-1}
  azure: {type: azure, vault: kv-shop, tenant: 3f1d5a52-7c0e-4d0a-9a55-0d3c1f6a0001}
  gcp: {type: gcp, project: my-proj, workloadPool: my-proj.svc.id.goog, identityProvider: "${gkeCluster}", impersonation: none}
  strongroom: {type: strongroom, directory: /var/lib/claviger/strongroom}
  conjur: {type: conjur, address: "https://conjur.example", account: acme, service: kube}
  confidant: {type: confidant, address: "https://confidant.example", region: eu-west-1, authKey: alias/a, to: confidant-production}
  secrets: {type: kubernetes}
  pv: {type: cyberark-epv, address: "https://ccp.example", applications: [{appId: shop-web, serviceAccounts: [shop/web]}]}
dialects:
  vault: {address: "https://vault.example:8200"}
  aws: {region: eu-west-1}
  gcp: {workloadPool: my-proj.svc.id.goog, identityProvider: "${gkeCluster}"}
`;

const cleanClass = stringify({
	apiVersion: "secrets-store.csi.x-k8s.io/v1",
	kind: "SecretProviderClass",
	metadata: { name: "clean", namespace: "shop" },
	spec: { provider: "claviger", parameters: { stores: "[]", objects: "- {name: a, path: a}" } },
});

/** What a class of these parameters looks like. */
function classOf({ text, line }: Block): string {
	return `apiVersion: secrets-store.csi.x-k8s.io/v1
kind: SecretProviderClass
metadata: {name: line-${line}, namespace: fragments}
spec:
  provider: claviger
  parameters:
${text.replaceAll(/^(?=.)/gm, "    ")}`;
}

test("something checks every YAML block", (t) => {
	const blocks = guides.flatMap(({ path, blocks }) =>
		blocks.filter(({ language }) => language === "yaml").map((block) => ({ place: `${path}:${block.line}`, kind: yamlKind(block) })),
	);
	t.deepEqual(
		blocks.filter(({ kind }) => kind === undefined).map(({ place }) => place),
		[],
	);
	t.deepEqual([...new Set(blocks.map(({ kind }) => kind))].sort(), ["manifests", "parameters", "policy", "values", "workflow"]);
	for (const text of ["whatever: {this: is}\n", "a: [b\n", "profile: strict\nprofil: strict\n"]) t.is(yamlKind({ text }), undefined, text);
});

for (const document of guides) {
	const [manifests, parameters] = [blocksOfKind(document, "manifests"), blocksOfKind(document, "parameters")];
	if (manifests.length + parameters.length === 0) continue;
	test(`claviger lint finds nothing in the classes and pods of ${document.path}`, async (t) => {
		const directory = temporaryDirectory(t);
		const [folder, policyFile] = [join(directory, "manifests"), join(directory, "policy.yaml")];
		mkdirSync(folder);
		writeFileSync(policyFile, policy);
		for (const block of manifests) writeFileSync(join(folder, `line-${block.line}.yaml`), block.text);
		for (const block of parameters) writeFileSync(join(folder, `line-${block.line}.yaml`), classOf(block));
		const { code, stdout, stderr } = await lint(["--strict", "--policy", policyFile, folder]);
		t.is(code, 0, `${stdout}${stderr}`);
	});
}

for (const document of guides.filter((each) => blocksOfKind(each, "policy").length > 0)) {
	test(`the provider reads the policies of ${document.path}`, async (t) => {
		for (const block of blocksOfKind(document, "policy")) {
			const policyFile = join(temporaryDirectory(t), "policy.yaml");
			writeFileSync(policyFile, block.text);
			// The class has a fault of its own, so the exit status tells whether the policy was read at all.
			const { code, stderr } = await lint(["--policy", policyFile, "-"], { input: cleanClass });
			t.deepEqual([code, stderr], [1, ""], `line ${block.line}`);
			writeFileSync(policyFile, `${block.text}\nsurplus: true\n`);
			t.is((await lint(["--policy", policyFile, "-"], { input: cleanClass })).code, 2);
		}
	});
}
