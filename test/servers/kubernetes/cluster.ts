import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pod } from "../../../provider/plan/mount-request.ts";
import { type ApiAnswer, callApi, textField } from "./api-client.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";

export interface TokenRequestOptions {
	readonly audience: string;
	/** The pod that the token is bound to, made by {@link Cluster.createPod}; without one it is bound to nothing. */
	readonly pod?: Pod;
	/** Seconds, 600 or more. */
	readonly lifetime?: number;
}

/**
 * Starts a cluster in a temporary directory. It takes seconds, so one test file shares one:
 * `test.before(async () => { cluster = await startCluster(); }); test.after.always(() => cluster?.stop());`
 */
export async function startCluster(): Promise<Cluster> {
	const directory = mkdtempSync(join(tmpdir(), "clv-kube-"));
	const removeDirectory = () => rmSync(directory, { recursive: true, force: true });
	let controlPlane: ControlPlane | undefined;
	try {
		controlPlane = await startControlPlane(directory);
		return new Cluster({ controlPlane, reviewerToken: await createReviewer(controlPlane), directory, removeDirectory });
	} catch (error) {
		await controlPlane?.stop();
		removeDirectory();
		throw error;
	}
}

interface ClusterParts {
	readonly controlPlane: ControlPlane;
	readonly reviewerToken: string;
	readonly directory: string;
	removeDirectory(): void;
}

/** A real API server with etcd: objects, TokenRequest, TokenReview, RBAC. Pods are stored and never run. */
export class Cluster {
	/** `https://127.0.0.1:PORT`, which is the issuer of tokens too. */
	readonly address: string;
	/** The certificate authority to trust, PEM. */
	readonly caFile: string;
	/** May do everything. */
	readonly adminToken: string;
	/** Of service account kube-system/token-reviewer, which may create TokenReviews and SubjectAccessReviews. */
	readonly reviewerToken: string;
	/** Of the programs that make a node of it. */
	readonly componentTokens: ControlPlane["componentTokens"];
	/** Holds the servers' files, and is removed with them. */
	readonly directory: string;
	readonly #controlPlane: ControlPlane;
	readonly #removeDirectory: () => void;

	constructor({ controlPlane, reviewerToken, directory, removeDirectory }: ClusterParts) {
		this.address = controlPlane.address;
		this.caFile = controlPlane.caFile;
		this.adminToken = controlPlane.adminToken;
		this.componentTokens = controlPlane.componentTokens;
		this.reviewerToken = reviewerToken;
		this.directory = directory;
		this.#controlPlane = controlPlane;
		this.#removeDirectory = removeDirectory;
	}

	/** Any call, by the administrator unless another token is given. */
	request(method: string, path: string, body?: unknown, token: string = this.adminToken): Promise<ApiAnswer> {
		return callApi({ ...this.#controlPlane, token, method, path, body });
	}

	/** Makes a service account, and its namespace when it is not there. */
	createServiceAccount(namespace: string, name: string): Promise<void> {
		return createServiceAccount(this.#controlPlane, namespace, name);
	}

	/** Makes a pod object that uses a service account made before. */
	async createPod(namespace: string, serviceAccount: string, name = `pod-${randomUUID()}`): Promise<Pod> {
		const spec = { serviceAccountName: serviceAccount, containers: [{ name: "main", image: "none" }] };
		const made = await create(this.#controlPlane, `/api/v1/namespaces/${namespace}/pods`, { metadata: { name }, spec });
		return { name, namespace, serviceAccount, uid: textField(made, "metadata", "uid") };
	}

	/** A token by TokenRequest, as kubelet gets one for a pod's CSI volume. */
	token(namespace: string, serviceAccount: string, options: TokenRequestOptions): Promise<string> {
		return requestToken(this.#controlPlane, namespace, serviceAccount, options);
	}

	/** The keys that tokens are signed with, as the API server publishes them. */
	async jwks(): Promise<unknown> {
		return (await this.request("GET", "/openid/v1/jwks")).body;
	}

	/** Ends the servers and removes their files. */
	async stop(): Promise<void> {
		await this.#controlPlane.stop();
		this.#removeDirectory();
	}
}

async function createReviewer(controlPlane: ControlPlane): Promise<string> {
	const [namespace, name] = ["kube-system", "token-reviewer"];
	await createServiceAccount(controlPlane, namespace, name);
	await create(controlPlane, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
		metadata: { name },
		roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "system:auth-delegator" },
		subjects: [{ kind: "ServiceAccount", name, namespace }],
	});
	return requestToken(controlPlane, namespace, name, { audience: controlPlane.address });
}

async function createServiceAccount(controlPlane: ControlPlane, namespace: string, name: string): Promise<void> {
	const alreadyThere = 409;
	await create(controlPlane, "/api/v1/namespaces", { metadata: { name: namespace } }, alreadyThere);
	await create(controlPlane, `/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } });
}

async function requestToken(
	controlPlane: ControlPlane,
	namespace: string,
	serviceAccount: string,
	{ audience, pod, lifetime = 3600 }: TokenRequestOptions,
): Promise<string> {
	const bound = pod === undefined ? {} : { boundObjectRef: { apiVersion: "v1", kind: "Pod", name: pod.name, uid: pod.uid } };
	const spec = { audiences: [audience], expirationSeconds: lifetime, ...bound };
	const made = await create(controlPlane, `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}/token`, { spec });
	return textField(made, "status", "token");
}

/** Creates an object as administrator. */
async function create(controlPlane: ControlPlane, path: string, object: unknown, tolerated?: number): Promise<unknown> {
	const { status, body } = await callApi({ ...controlPlane, token: controlPlane.adminToken, method: "POST", path, body: object });
	if (status >= 300 && status !== tolerated) throw new Error(`POST ${path} was answered ${status}: ${JSON.stringify(body)}`);
	return body;
}
