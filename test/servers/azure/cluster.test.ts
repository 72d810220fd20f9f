import test from "ava";
import { type Cluster, startCluster } from "../kubernetes/cluster.ts";
import { type AzureServers, startAzure } from "./azure.ts";
import { exchangeAudience, type Federation } from "./entra/directory.ts";
import { problemCodes, TestClient } from "./test-client.ts";

let cluster: Cluster;
let azure: AzureServers;

test.before(async () => {
	[cluster, azure] = await Promise.all([startCluster(), startAzure(undefined)]);
	await cluster.createServiceAccount("shop", "web");
	await cluster.createServiceAccount("shop", "other");
	const keys = (await cluster.jwks()) as Federation["issuer"]["keys"];
	azure.directory.federate({ client: "app", issuer: { issuer: cluster.address, keys }, subject: "system:serviceaccount:shop:web" });
	azure.vaults.allow("app", "kv-main", { secrets: ["get"] });
	azure.vaults.putSecret("kv-main", "db", "hunter2");
});

test.after.always(async () => {
	await azure?.stop();
	await cluster?.stop();
});

test("a pod's token of a real API server, verified with its published keys, becomes a token for the vault", async (t) => {
	const tester = new TestClient(t, azure);
	const pod = await cluster.createPod("shop", "web");
	const proof = await cluster.token("shop", "web", { audience: exchangeAudience, pod });
	const { status, body } = await tester.askToken(azure.authority, { client_id: "app", client_assertion: proof });
	t.is(status, 200);
	const answer = await tester.askVault(azure.vaultUrl("kv-main"), "secrets/db", { token: String(body?.["access_token"]) });
	t.is(answer.body?.["value"], "hunter2");
});

test("a real token of another account, or for another audience, is refused", async (t) => {
	const tester = new TestClient(t, azure);
	const exchange = async (account: string, audience: string) => {
		const proof = await cluster.token("shop", account, { audience });
		return problemCodes(await tester.askToken(azure.authority, { client_id: "app", client_assertion: proof }));
	};
	t.deepEqual(await exchange("other", exchangeAudience), [700213]);
	t.deepEqual(await exchange("web", "vault"), [700212]);
});
