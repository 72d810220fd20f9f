import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ExecutionContext } from "ava";
import { type Manifest, readManifests } from "../manifests/read-manifests.ts";
import { goBinary } from "../servers/go-binary.ts";
import { type Cluster, startCluster } from "../servers/kubernetes/cluster.ts";
import { Objects } from "../servers/kubernetes/objects.ts";
import { Attendant } from "./attendant.ts";
import { checkout } from "./markdown.ts";
import { programPath } from "./workbench.ts";

/** What commands need to reach the cluster, as the stand-ins in `commands/` read it. */
export type SiteEnvironment = Readonly<Record<string, string>>;

export interface SiteOptions {
	/** Whether Claviger is installed already, and classes are there. */
	readonly installed: boolean;
	/** What else is there. */
	readonly objects?: readonly Manifest[];
}

export interface Site {
	readonly environment: SiteEnvironment;
	readonly cluster: Cluster;
}

/** A cluster with the driver's objects on which a page's commands are run; it ends with the test. */
export async function startSite(t: ExecutionContext<unknown>, { installed, objects = [] }: SiteOptions): Promise<Site> {
	const kubectl = programPath("kubectl");
	if (kubectl === undefined) throw new Error("kubectl is missing: the commands of the documents are run with it. Install it.");
	const helm = await goBinary("helm");
	const cluster = await startCluster();
	const attendant = new Attendant(cluster);
	t.teardown(async () => {
		await attendant.stop();
		await cluster.stop();
	});
	const kubeconfig = join(cluster.directory, "kubeconfig");
	writeFileSync(kubeconfig, JSON.stringify(kubeconfigOf(cluster.address, cluster.caFile, cluster.adminToken)));
	const environment = {
		KUBECONFIG: kubeconfig,
		DOCS_KUBECTL: kubectl,
		DOCS_HELM: helm,
		DOCS_KUBERNETES_CA: cluster.caFile,
		DOCS_KUBERNETES_REVIEWER: cluster.reviewerToken,
	};
	const install = (release: string, chart: string, namespace: string, ...more: readonly string[]) =>
		execFileSync(helm, ["install", release, chart, "--namespace", namespace, "--create-namespace", ...more], {
			env: { PATH: process.env["PATH"], HOME: cluster.directory, KUBECONFIG: kubeconfig },
			stdio: ["ignore", "ignore", "pipe"],
		});
	install("csi-secrets-store", join(import.meta.dirname, "driver-chart"), "kube-system", "--set", "enableSecretRotation=true");
	const there = new Objects(cluster);
	await there.create({ apiVersion: "v1", kind: "Node", metadata: { name: "worker" } });
	for (const object of objects) await there.create(object);
	if (installed) {
		install("claviger", join(checkout, "manifests/charts/claviger"), "claviger-system", "--set", "push.enabled=true");
		await cluster.createServiceAccount("apps", "web");
		const classes = readManifests("examples/vault").filter(({ kind }) => kind === "SecretProviderClass");
		for (const object of classes) await there.create({ ...object, metadata: { ...object.metadata, namespace: "apps" } });
	}
	return { environment, cluster };
}

function kubeconfigOf(server: string, caFile: string, token: string): object {
	return {
		apiVersion: "v1",
		kind: "Config",
		clusters: [{ name: "test", cluster: { server, "certificate-authority": caFile } }],
		users: [{ name: "admin", user: { token } }],
		contexts: [{ name: "test", context: { cluster: "test", user: "admin" } }],
		"current-context": "test",
	};
}
