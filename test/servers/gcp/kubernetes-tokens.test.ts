import test from "ava";
import type { JSONWebKeySet } from "jose";
import { createTokenIssuer } from "../../support/token-issuer.ts";
import { type Cluster, startCluster } from "../kubernetes/cluster.ts";
import { exchange } from "./client.ts";
import { type Gcp, startGcp } from "./gcp.ts";
import { pool, providerAudience, providerName, verdict } from "./servers-support.ts";

let cluster: Cluster;
let gcp: Gcp;

test.before(async () => {
	[cluster, gcp] = await Promise.all([startCluster(), startGcp(undefined)]);
	await cluster.createServiceAccount("shop", "web");
	const issuer = { issuer: cluster.address, keys: (await cluster.jwks()) as JSONWebKeySet };
	gcp.federation.trustCluster({ pool, provider: cluster.address, issuer });
	gcp.federation.trustProvider({ name: providerName, issuer });
});
test.after.always(async () => {
	await cluster?.stop();
	await gcp?.stop();
});

for (const { way, audience, tokenAudience, principal } of [
	{
		way: "of a cluster",
		audience: () => `identitynamespace:${pool}:${cluster.address}`,
		tokenAudience: pool,
		principal: `serviceAccount:${pool}[shop/web]`,
	},
	{
		way: "of any issuer",
		audience: () => providerAudience,
		tokenAudience: providerAudience,
		principal: `principal:${providerAudience.replace(/\/providers.*$/, "")}/subject/system:serviceaccount:shop:web`,
	},
]) {
	test.serial(`a token that a real API server has signed is taken as one ${way}, and only for its audience`, async (t) => {
		gcp.reset();
		const pod = await cluster.createPod("shop", "web");
		const token = (forWhom: string) => cluster.token("shop", "web", { audience: forWhom, pod });
		t.is(verdict(await exchange(gcp, { subjectToken: await token(tokenAudience), audience: audience() })), "200");
		t.is(gcp.calls()[0]?.principal, principal);
		t.regex(verdict(await exchange(gcp, { subjectToken: await token("vault"), audience: audience() })), /^400 invalid_grant: The audience/);
		const forged = await (await createTokenIssuer(cluster.address)).token(pod, { audience: tokenAudience });
		t.regex(verdict(await exchange(gcp, { subjectToken: forged, audience: audience() })), /^400 invalid_grant: The signature/);
	});
}
