import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { ProviderError } from "../../provider/errors.ts";
import { KubernetesClient } from "../../provider/kubernetes/client.ts";
import { ApiServerKeys } from "../../provider/kubernetes/token-keys.ts";
import { TokenReviewVerifier } from "../../provider/kubernetes/token-review.ts";
import { readVersionKey } from "../../provider/kubernetes/version-key.ts";
import { KeyVerifier } from "../../provider/policy/key-verifier.ts";
import { Secret } from "../../provider/shared/secret.ts";
import { type Cluster, startCluster } from "../servers/kubernetes/cluster.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { createTokenIssuer } from "../support/token-issuer.ts";

let cluster: Cluster;
const { signal } = new AbortController();

test.before(async () => {
	cluster = await startCluster();
	await cluster.createServiceAccount("shop", "web");
	await cluster.createServiceAccount("claviger-system", "claviger");
	await grantVersionKey();
});

test.after.always(() => cluster?.stop());

/** What manifests/deploy gives the provider for its one Secret. */
async function grantVersionKey(): Promise<void> {
	const rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/claviger-system";
	await cluster.request("POST", `${rbac}/roles`, {
		metadata: { name: "version-key" },
		rules: [
			{ apiGroups: [""], resources: ["secrets"], resourceNames: ["claviger-version-key"], verbs: ["get"] },
			{ apiGroups: [""], resources: ["secrets"], verbs: ["create"] },
		],
	});
	await cluster.request("POST", `${rbac}/rolebindings`, {
		metadata: { name: "version-key" },
		roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "version-key" },
		subjects: [{ kind: "ServiceAccount", name: "claviger", namespace: "claviger-system" }],
	});
}

function clientWith(t: ExecutionContext<unknown>, token: string, address = cluster.address): KubernetesClient {
	const tokenFile = join(temporaryDirectory(t), "token");
	writeFileSync(tokenFile, `${token}\n`);
	const client = new KubernetesClient({ address, tokenFile, caFile: cluster.caFile });
	t.teardown(() => client.close());
	return client;
}

async function ownToken(): Promise<string> {
	return cluster.token("claviger-system", "claviger", { audience: cluster.address });
}

async function codeOf(t: ExecutionContext<unknown>, promise: Promise<unknown>): Promise<string> {
	const error = await t.throwsAsync(promise, { instanceOf: ProviderError });
	t.truthy(error?.remedy);
	return error?.code ?? "";
}

test("a TokenReview proves a pod's token for its audience alone, and only while the pod lives", async (t) => {
	const verifier = new TokenReviewVerifier(clientWith(t, cluster.reviewerToken));
	const pod = await cluster.createPod("shop", "web");
	const token = new Secret(await cluster.token("shop", "web", { audience: "claviger", pod }));
	await t.notThrowsAsync(verifier.verify(token, "claviger", signal));
	t.is(await codeOf(t, verifier.verify(token, "vault", signal)), "unidentified");
	const forged = new Secret(await (await createTokenIssuer(cluster.address)).token(pod, { audience: "claviger" }));
	t.is(await codeOf(t, verifier.verify(forged, "claviger", signal)), "unidentified");
	await cluster.request("DELETE", `/api/v1/namespaces/shop/pods/${pod.name}?gracePeriodSeconds=0`);
	// The API server itself remembers a review for 10 s.
	await t.notThrowsAsync(untilRefused(() => verifier.verify(token, "claviger", signal)));
});

async function untilRefused(verify: () => Promise<void>): Promise<void> {
	const end = Date.now() + 30_000;
	while (Date.now() < end) {
		const refused = await verify().then(
			() => false,
			() => true,
		);
		if (refused) return;
		await new Promise((resolve) => setTimeout(resolve, 200));
	}
	throw new Error("the token of a deleted pod is still accepted");
}

test("a provider that may not review tokens says which right it lacks", async (t) => {
	const verifier = new TokenReviewVerifier(clientWith(t, await ownToken()));
	const error = await t.throwsAsync(verifier.verify(new Secret("x"), "claviger", signal), { instanceOf: ProviderError });
	t.is(error?.code, "unreachable");
	t.regex(error?.text ?? "", /403.*system:auth-delegator/);
});

test("the API server's published keys verify tokens without a call per token", async (t) => {
	const client = clientWith(t, await ownToken());
	const verifier = new KeyVerifier(new ApiServerKeys(client), cluster.address);
	for (let round = 0; round < 3; round += 1) {
		const pod = await cluster.createPod("shop", "web");
		await t.notThrowsAsync(
			verifier.verify(new Secret(await cluster.token("shop", "web", { audience: "claviger", pod })), "claviger", signal),
		);
	}
	const forger = await createTokenIssuer(cluster.address);
	const pod = await cluster.createPod("shop", "web");
	t.is(await codeOf(t, verifier.verify(new Secret(await forger.token(pod, { audience: "claviger" })), "claviger", signal)), "unidentified");
});

test("all nodes come to the same version key, made by the first of them with the least of rights", async (t) => {
	const token = await ownToken();
	const name = "claviger-system/claviger-version-key";
	const keys = await Promise.all(Array.from({ length: 8 }, () => readVersionKey(clientWith(t, token), name, signal)));
	t.is(keys[0]?.length, 32);
	for (const key of keys) t.deepEqual(key, keys[0]);
	t.deepEqual(await readVersionKey(clientWith(t, token), name, signal), keys[0]);
	t.is(await codeOf(t, readVersionKey(clientWith(t, token), "kube-system/another", signal)), "denied");
});

test("an API server that cannot be reached is unreachable, and a missing token file is invalid", async (t) => {
	t.is(await codeOf(t, clientWith(t, "x", "https://127.0.0.1:1").call("GET", "/version", signal)), "unreachable");
	const client = new KubernetesClient({ address: cluster.address, tokenFile: "/none", caFile: cluster.caFile });
	t.is(await codeOf(t, client.call("GET", "/version", signal)), "invalid");
});
