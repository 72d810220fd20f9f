import { randomUUID } from "node:crypto";
import type { ExecutionContext } from "ava";
import type { JSONWebKeySet } from "jose";
import type { Pod } from "../../../provider/plan/mount-request.ts";
import type { Cluster } from "../../servers/kubernetes/cluster.ts";
import { type ApiFront, startApiFront } from "../../servers/kubernetes/front.ts";
import { CallFailure, type MountResult } from "../../support/mount-client.ts";
import { startTestProvider, type TestProvider, type TestProviderOptions } from "../../support/provider.ts";
import type { TokenIssuer } from "../../support/token-issuer.ts";

/** A namespace of its own for each test, with the accounts `web` and `stranger`. */
export async function makeNamespace(cluster: Cluster): Promise<string> {
	const namespace = `shop-${randomUUID().slice(0, 8)}`;
	await cluster.createServiceAccount(namespace, "web");
	await cluster.createServiceAccount(namespace, "stranger");
	return namespace;
}

export interface Grant {
	readonly namespace: string;
	/** Default `web` in the namespace. */
	readonly account?: { readonly namespace: string; readonly name: string };
	/** The only Secrets; all unless given. */
	readonly secrets?: readonly string[];
	/** Default get and watch. */
	readonly verbs?: readonly string[];
}

/** Gives an account a role. @returns what takes it away again */
export async function grant(
	cluster: Cluster,
	{ namespace, account, secrets, verbs = ["get", "watch"] }: Grant,
): Promise<() => Promise<void>> {
	const name = `role-${randomUUID().slice(0, 8)}`;
	const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
	const only = secrets === undefined ? {} : { resourceNames: secrets };
	await expectSuccess(
		cluster.request("POST", `${path}/roles`, { metadata: { name }, rules: [{ apiGroups: [""], resources: ["secrets"], verbs, ...only }] }),
	);
	const subject = { kind: "ServiceAccount", ...(account ?? { namespace, name: "web" }) };
	const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name };
	await expectSuccess(cluster.request("POST", `${path}/rolebindings`, { metadata: { name }, roleRef, subjects: [subject] }));
	return async () => {
		await expectSuccess(cluster.request("DELETE", `${path}/rolebindings/${name}`));
	};
}

export interface SecretOptions {
	readonly type?: string;
	readonly immutable?: boolean;
	readonly labels?: Readonly<Record<string, string>>;
}

/** Makes a Secret, or replaces it. */
export async function putSecret(
	cluster: Cluster,
	namespace: string,
	name: string,
	data: Readonly<Record<string, string | Buffer>>,
	{ type = "Opaque", immutable, labels = {} }: SecretOptions = {},
): Promise<void> {
	const encoded = Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString("base64")]));
	const secret = { metadata: { name, labels }, type, data: encoded, ...(immutable === undefined ? {} : { immutable }) };
	const path = `/api/v1/namespaces/${namespace}/secrets`;
	const { status } = await cluster.request("PUT", `${path}/${name}`, secret);
	if (status === 404) await expectSuccess(cluster.request("POST", path, secret));
	else if (status >= 300) throw new Error(`PUT of ${name} was answered ${status}`);
}

export async function deleteSecret(cluster: Cluster, namespace: string, name: string): Promise<void> {
	await expectSuccess(cluster.request("DELETE", `/api/v1/namespaces/${namespace}/secrets/${name}`));
}

export async function expectSuccess(answer: ReturnType<Cluster["request"]>): Promise<void> {
	const { status, body } = await answer;
	if (status >= 300) throw new Error(`the API server answered ${status}: ${JSON.stringify(body)}`);
}

/** Tokens of the cluster's own making, for pods that are no objects there; the policy must let such pass. */
export async function clusterIssuer(cluster: Cluster): Promise<TokenIssuer> {
	return {
		issuer: cluster.address,
		keys: (await cluster.jwks()) as JSONWebKeySet,
		publicKeyPem: "",
		token: ({ namespace, serviceAccount }) => cluster.token(namespace, serviceAccount, { audience: cluster.address }),
	};
}

/** A provider whose cluster is a real one, behind a front. */
export interface Site {
	readonly front: ApiFront;
	readonly provider: TestProvider;
	readonly namespace: string;
	/** Makes a pod object in the namespace, and its token for the API server. */
	pod(account?: string): Promise<BoundPod>;
	mount(pod: BoundPod, objects: readonly object[], files?: readonly object[]): Promise<MountResult>;
	/** The refusal of a mount that fails. */
	refusal(pod: BoundPod, objects: readonly object[], files?: readonly object[]): Promise<CallFailure>;
}

export interface BoundPod {
	readonly pod: Pod;
	/** By audience. */
	readonly tokens: Readonly<Record<string, string>>;
}

export interface SiteOptions extends Pick<TestProviderOptions, "flags" | "ages"> {
	/** Options of the store `main` in the policy file. */
	readonly store?: object;
	/** What the policy file says beside the store. */
	readonly policy?: object;
}

export async function openSite(t: ExecutionContext<unknown>, cluster: Cluster, options: SiteOptions = {}): Promise<Site> {
	const [front, namespace] = [await startApiFront(t, cluster), await makeNamespace(cluster)];
	const policy = JSON.stringify({ stores: { main: { type: "kubernetes", ...options.store } }, ...options.policy });
	const provider = await startTestProvider(t, {
		policy,
		providers: "claviger",
		issuer: await clusterIssuer(cluster),
		...(options.ages === undefined ? {} : { ages: options.ages }),
		flags: [...frontFlags(front), ...(options.flags ?? [])],
	});
	const mount = ({ pod, tokens }: BoundPod, objects: readonly object[], files?: readonly object[]) => {
		const written = objects.map((object) => ({ store: "main", ...object }));
		const parameters = { objects: JSON.stringify(written), ...(files === undefined ? {} : { files: JSON.stringify(files) }) };
		return provider.mount("claviger", pod, parameters, { tokens });
	};
	return {
		front,
		provider,
		namespace,
		mount,
		pod: (account = "web") => boundPod(cluster, namespace, account),
		async refusal(pod, objects, files) {
			try {
				await mount(pod, objects, files);
			} catch (error) {
				if (error instanceof CallFailure) return error;
				throw error;
			}
			throw new Error("the mount did not fail");
		},
	};
}

export async function boundPod(cluster: Cluster, namespace: string, account: string, audience = cluster.address): Promise<BoundPod> {
	const pod = await cluster.createPod(namespace, account);
	return { pod, tokens: { "": await cluster.token(namespace, account, { audience, pod }) } };
}

/** The flags that make the front the provider's cluster. */
export function frontFlags(front: ApiFront): readonly string[] {
	return ["--kubernetes-api", front.address, "--kubernetes-ca", front.caFile];
}

/** The text of a file of an answer. */
export function textOf({ files }: MountResult, path: string): string | undefined {
	return files.get(path)?.contents.toString();
}
