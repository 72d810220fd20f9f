import test from "ava";
import type { JSONWebKeySet } from "jose";
import { createTokenIssuer } from "../../support/token-issuer.ts";
import { type Cluster, startCluster } from "../kubernetes/cluster.ts";
import { startConjur } from "./conjur.ts";
import { logIn } from "./requests.ts";
import { audience, branch, hostOf, letIn, service } from "./site.ts";

let cluster: Cluster;
test.before(async () => {
	cluster = await startCluster();
	await cluster.createServiceAccount("shop", "web");
	await cluster.createServiceAccount("shop", "other");
});
test.after.always(() => cluster?.stop());

test("a token that a real API server has signed is taken by its published keys, for its audience and its account only", async (t) => {
	const conjur = await startConjur(t);
	const keys = async () => (await cluster.jwks()) as JSONWebKeySet;
	conjur.authenticators.add(service, { keys, issuer: cluster.address, audience, tokenAppProperty: "sub", identityPath: branch });
	const pod = await cluster.createPod("shop", "web");
	letIn(conjur, pod);
	const token = (forWhom: string) => cluster.token("shop", "web", { audience: forWhom, pod });
	t.is((await logIn(conjur, await token(audience))).status, 200);
	t.is(conjur.calls("authenticate")[0]?.caller, hostOf(pod));
	t.is((await logIn(conjur, await token("vault"))).status, 401);
	t.is((await logIn(conjur, await cluster.token("shop", "other", { audience }))).status, 401);
	t.is((await logIn(conjur, await (await createTokenIssuer(cluster.address)).token(pod, { audience }))).status, 401);
});
