import { readFileSync } from "node:fs";
import { parseAddress } from "../../../net/address.ts";
import { type StreamRequest, Transport } from "../../../net/transport.ts";
import { type Finding, failure, ok, unchecked, warning } from "../../../shared/finding.ts";
import type { DoctorContext } from "../context.ts";

const check = "at rest";
/** The API server's metrics are some MiB, of which two are looked at. */
const limits = { idleMilliseconds: 6000, timeoutMilliseconds: 6000, maximumLineBytes: 64 * 1024 } as const;

/** What the API server's metrics say of how Secrets are stored (Kubernetes, "Encrypting Confidential Data at Rest"). */
export interface StorageMetrics {
	/** An encryption configuration is loaded. */
	isConfigured: boolean;
	/** How often a Secret was written encrypted, and by which provider, since the API server started. */
	encrypted: number;
	readonly providers: Set<string>;
	/** How often one was written, or read, as it is. */
	plainWrites: number;
	plainReads: number;
}

/** Whether Secrets are encrypted in etcd, where some of them are handed out here: an outsider with a backup has them otherwise. */
export async function checkSecretsAtRest(context: DoctorContext): Promise<readonly Finding[]> {
	const { arrangement, planned, kubernetes } = context;
	const arranged = await arrangement.catch(() => undefined);
	const plannedClass = await planned.catch(() => undefined);
	const known = [...(arranged?.stores ?? []), ...(plannedClass?.plan.stores ?? [])];
	if (kubernetes === undefined || !known.some(({ instance }) => instance.isThisCluster === true)) return [];
	try {
		return [await ask(context)];
	} catch (reason) {
		return [failure(check, reason, "See the cause, and ask again.")];
	}
}

async function ask({ serve, account, signal }: DoctorContext): Promise<Finding> {
	const address = parseAddress(serve.kubernetesApi ?? "");
	const token = ownToken(serve.kubernetesTokenFile);
	if (token === undefined)
		return unchecked(check, `${serve.kubernetesTokenFile} cannot be read, so the API server's metrics cannot be asked for.`);
	if ("problem" in address) return unchecked(check, "No API server is known here.");
	const transport = new Transport({ address, tls: { caFile: serve.kubernetesCaFile }, environment: {} });
	const headers = { accept: "text/plain", authorization: `Bearer ${token}` };
	const request: StreamRequest = { path: `${address.basePath}/metrics`, headers, signal, allowsAddress: () => true, ...limits };
	const { status, lines } = await transport.stream(request);
	if (status !== 200) {
		const grant = `kubectl create clusterrole claviger-metrics --verb=get --non-resource-url=/metrics && kubectl create clusterrolebinding claviger-metrics --clusterrole=claviger-metrics ${account.subjectFlag()}`;
		const message = `Whether Secrets are encrypted in etcd is not known: the API server's metrics were answered with ${status}.`;
		return unchecked(check, message, `Let this account ask for a moment: ${grant}`);
	}
	const metrics: StorageMetrics = { isConfigured: false, encrypted: 0, providers: new Set(), plainWrites: 0, plainReads: 0 };
	for await (const line of lines) take(metrics, line);
	return judge(metrics);
}

function ownToken(file: string): string | undefined {
	try {
		return readFileSync(file, "latin1").trim();
	} catch {
		return undefined;
	}
}

/** Takes in one line of the Prometheus text format. */
export function take(metrics: StorageMetrics, line: string): void {
	if (line.startsWith("apiserver_encryption_config_controller_last_config_info")) metrics.isConfigured = true;
	if (!line.startsWith("apiserver_storage_transformation_operations_total{") || !line.includes('resource="secrets"')) return;
	const count = Number(/\} (\S+)/.exec(line)?.[1]);
	const prefix = /transformer_prefix="([^"]*)"/.exec(line)?.[1] ?? "";
	const isWrite = line.includes('transformation_type="to_storage"');
	const provider = /^k8s:enc:([\w.-]+(?::v\d+)?)/.exec(prefix)?.[1];
	if (!(count > 0)) return;
	if (provider === undefined) {
		if (isWrite) metrics.plainWrites += count;
		else metrics.plainReads += count;
	} else if (isWrite) {
		metrics.encrypted += count;
		metrics.providers.add(provider);
	}
}

const guide = "https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/";
const rewrite = "kubectl get secrets --all-namespaces --output json | kubectl replace --filename -";

export function judge({ isConfigured, encrypted, providers, plainWrites, plainReads }: StorageMetrics): Finding {
	if (plainWrites > 0 && encrypted === 0) {
		const message = "Secrets are written to etcd as they are: the first provider of the encryption configuration is identity.";
		return warning(check, message, `Put a provider that encrypts in front of it (${guide}), then run: ${rewrite}`);
	}
	if (encrypted > 0 && plainReads > 0) {
		const message = `Secrets are encrypted when they are written (${[...providers].join(", ")}), and older ones are in etcd as they were.`;
		return warning(check, message, `Write them anew: ${rewrite}`);
	}
	if (encrypted > 0) return ok(check, `Secrets are encrypted in etcd, with ${[...providers].join(", ")}.`);
	if (isConfigured) {
		return unchecked(
			check,
			"An encryption configuration is loaded, and this API server has written no Secret yet, so what it does to them is not known.",
		);
	}
	const message = "Secrets in etcd are not encrypted by this API server: whoever has its disk or a backup has every one of them.";
	return warning(check, message, `Give the API server an encryption configuration, or switch your cloud's on: ${guide}`);
}
