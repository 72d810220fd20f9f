import { setTimeout as delay } from "node:timers/promises";
import test from "ava";
import { createLocalJWKSet, jwtVerify } from "jose";
import { field } from "./kubernetes/api-client.ts";
import { type Cluster, startCluster } from "./kubernetes/cluster.ts";

let cluster: Cluster;

test.before(async () => {
	cluster = await startCluster();
	await cluster.createServiceAccount("shop", "web");
});

test.after.always(() => cluster?.stop());

function review(token: string, audience: string, reviewer = cluster.reviewerToken) {
	return cluster.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews", { spec: { token, audiences: [audience] } }, reviewer);
}

test("a TokenReview knows a pod's token by its audience, and by no other", async (t) => {
	const pod = await cluster.createPod("shop", "web");
	const token = await cluster.token("shop", "web", { audience: "vault", pod });

	const { status, body } = await review(token, "vault");
	t.is(status, 201);
	t.true(field(body, "status", "authenticated"));
	t.is(field(body, "status", "user", "username"), "system:serviceaccount:shop:web");
	t.deepEqual(field(body, "status", "user", "extra", "authentication.kubernetes.io/pod-uid"), [pod.uid]);
	t.deepEqual(field(body, "status", "audiences"), ["vault"]);

	const other = await review(token, "conjur");
	t.not(field(other.body, "status", "authenticated"), true);
});

test("a token ends with the pod that it is bound to", async (t) => {
	const pod = await cluster.createPod("shop", "web");
	const token = await cluster.token("shop", "web", { audience: "vault", pod });
	await cluster.request("DELETE", `/api/v1/namespaces/shop/pods/${pod.name}?gracePeriodSeconds=0`);
	// The API server learns of the end by a watch, and remembers a token that it has just accepted for ten seconds.
	const deadline = Date.now() + 30_000;
	const accepted = async () => field((await review(token, "vault")).body, "status", "authenticated") === true;
	while ((await accepted()) && Date.now() < deadline) await delay(100);
	t.false(await accepted());
});

test("only who is allowed to may review tokens", async (t) => {
	const ordinary = await cluster.token("shop", "web", { audience: cluster.address });
	const { status } = await review(ordinary, "vault", ordinary);
	t.is(status, 403);
});

test("the published keys verify a token", async (t) => {
	const token = await cluster.token("shop", "web", { audience: "vault" });
	const keys = createLocalJWKSet((await cluster.jwks()) as Parameters<typeof createLocalJWKSet>[0]);
	const { payload } = await jwtVerify(token, keys, { issuer: cluster.address, audience: "vault" });
	t.is(payload.sub, "system:serviceaccount:shop:web");
});
