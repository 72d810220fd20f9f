import test, { type ExecutionContext } from "ava";
import { type Cluster, startCluster } from "../../servers/kubernetes/cluster.ts";
import { startApiFront } from "../../servers/kubernetes/front.ts";
import { type StoreFixture, testStore } from "../store-test.ts";
import { clusterIssuer, deleteSecret, frontFlags, grant, makeNamespace, putSecret } from "./harness.ts";

let cluster: Cluster;
test.before(async () => {
	cluster = await startCluster();
});
test.after.always(() => cluster?.stop());

/** Secrets with one key each. The account `web` may get all of its namespace's, `stranger` none. */
async function open(t: ExecutionContext<unknown>): Promise<StoreFixture> {
	const [front, namespace] = [await startApiFront(t, cluster), await makeNamespace(cluster)];
	await grant(cluster, { namespace });
	return {
		issuer: await clusterIssuer(cluster),
		audience: "",
		// The shared cases make up their pods, which tokens of a real cluster cannot be bound to.
		policy: JSON.stringify({ tokens: { unbound: "allow" }, stores: { main: { type: "kubernetes" } } }),
		flags: frontFlags(front),
		reader: { namespace, serviceAccount: "web" },
		stranger: { namespace, serviceAccount: "stranger" },
		// The second one is where the test's own front forwards to.
		addresses: [new URL(front.address).host, new URL(cluster.address).host],
		put: (name, value) => putSecret(cluster, namespace, name, { value }),
		remove: (name) => deleteSecret(cluster, namespace, name),
		object: (name) => ({ secret: name, key: "value" }),
		// All that Kubernetes allows in a name beside lower-case letters.
		unicodeNames: ["a.b-c", "0", "x".repeat(253)],
		bigBytes: 1_048_000,
		async breakDown() {
			front.misbehave({ kind: "status", status: 503, body: "no API server here" });
			return async () => front.misbehave(undefined);
		},
		async hang() {
			front.misbehave({ kind: "hang" });
			return { openRequests: () => front.openReads(), release: async () => front.misbehave(undefined) };
		},
	};
}

testStore("kubernetes", open);
