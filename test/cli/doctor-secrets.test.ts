import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { judge, type StorageMetrics, take } from "../../provider/cli/doctor/checks/secrets-at-rest.ts";
import type { FindingStatus } from "../../provider/shared/finding.ts";
import { type Cluster, startCluster } from "../servers/kubernetes/cluster.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { examine, policyFlag } from "./doctor-support.ts";

let cluster: Cluster;
test.before(async () => {
	cluster = await startCluster();
	await cluster.createServiceAccount("claviger-system", "claviger");
});
test.after.always(() => cluster?.stop());

function flags(t: ExecutionContext, token: string, policy: string): readonly string[] {
	const file = join(temporaryDirectory(t), "token");
	writeFileSync(file, token);
	return ["--kubernetes-api", cluster.address, "--kubernetes-ca", cluster.caFile, "--kubernetes-token-file", file, policyFlag(t, policy)];
}

const policy = "stores:\n  cluster: {type: kubernetes}\n";

test("a store of the cluster's Secrets is walked to, and its unencrypted etcd is told of", async (t) => {
	const { findings } = await examine(flags(t, cluster.adminToken, policy));
	const atRest = findings.find(({ check }) => check === "at rest");
	t.is(atRest?.status, "warning");
	t.regex(atRest?.message ?? "", /^Secrets in etcd are not encrypted by this API server/);
	const ofStore = findings.filter(({ section }) => section === "Store cluster (kubernetes) at https://kubernetes.default.svc");
	t.regex(ofStore.at(-1)?.message ?? "", /is an API server of Kubernetes v1\.34/);
	t.true(
		ofStore.every(({ status }) => status !== "failed"),
		JSON.stringify(ofStore),
	);
});

test("without the right to metrics nothing is known of it, and the right is told", async (t) => {
	const token = await cluster.token("claviger-system", "claviger", { audience: cluster.address });
	const { findings } = await examine(flags(t, token, policy));
	const atRest = findings.find(({ check }) => check === "at rest");
	t.is(atRest?.status, "unchecked");
	t.regex(
		atRest?.remedy ?? "",
		/kubectl create clusterrole claviger-metrics --verb=get --non-resource-url=\/metrics .*--serviceaccount=claviger-system:claviger/,
	);
});

test("where no Secret is handed out, nobody is asked how they are stored", async (t) => {
	const { findings } = await examine(flags(t, cluster.adminToken, "profile: strict\n"));
	t.false(findings.some(({ check }) => check === "at rest"));
});

const operations = (labels: string, count: number) => `apiserver_storage_transformation_operations_total{${labels}} ${count}`;
const secrets = (type: string, prefix: string, count = 3) =>
	operations(`resource="secrets",status="OK",transformation_type="${type}",transformer_prefix="${prefix}"`, count);
const configured = 'apiserver_encryption_config_controller_last_config_info{apiserver_id_hash="sha256:1",hash="sha256:2"} 1';

/** What the metrics of an API server say, and what is made of it. */
const states: readonly (readonly [what: string, lines: readonly string[], status: FindingStatus, message: RegExp])[] = [
	["nothing", [], "warning", /not encrypted by this API server/],
	[
		"other resources",
		[operations('resource="configmaps",transformation_type="to_storage",transformer_prefix="k8s:enc:kms:v2:k:"', 9)],
		"warning",
		/not encrypted/,
	],
	[
		"identity first",
		[configured, secrets("to_storage", "identity")],
		"warning",
		/the first provider of the encryption configuration is identity/,
	],
	[
		"all encrypted",
		[configured, secrets("to_storage", "k8s:enc:kms:v2:vault:"), secrets("from_storage", "k8s:enc:kms:v2:vault:")],
		"ok",
		/encrypted in etcd, with kms:v2\.$/,
	],
	[
		"old ones plain",
		[secrets("to_storage", "k8s:enc:secretbox:v1:key:"), secrets("from_storage", "identity")],
		"warning",
		/\(secretbox:v1\), and older ones/,
	],
	["none yet", [configured, secrets("to_storage", "k8s:enc:secretbox:v1:key:", 0)], "unchecked", /has written no Secret yet/],
];

for (const [what, lines, status, message] of states) {
	test(`metrics of an API server: ${what}`, (t) => {
		const metrics: StorageMetrics = { isConfigured: false, encrypted: 0, providers: new Set(), plainWrites: 0, plainReads: 0 };
		for (const line of lines) take(metrics, line);
		const finding = judge(metrics);
		t.is(finding.status, status);
		t.regex(finding.message, message);
	});
}
