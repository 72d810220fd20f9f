import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import type { JSONWebKeySet } from "jose";
import { startConjur } from "../../servers/conjur/conjur.ts";
import { audience, branch, letIn, service } from "../../servers/conjur/site.ts";
import { type Cluster, startCluster } from "../../servers/kubernetes/cluster.ts";
import { Objects } from "../../servers/kubernetes/objects.ts";
import type { TokenIssuer } from "../../support/token-issuer.ts";
import { createTokenIssuer } from "../../support/token-issuer.ts";
import { annotation, classParameters, failureOf, filesOf, startMounter } from "./harness.ts";

let cluster: Cluster;
test.before(async () => {
	cluster = await startCluster();
	for (const account of ["web", "other"]) await cluster.createServiceAccount("shop", account);
	await cluster.createServiceAccount("kube-system", "claviger");
});
test.after.always(() => cluster?.stop());

/** Lets the provider's own account get pods, as the chart's option readPodAnnotations does. */
async function permitPods(): Promise<void> {
	const made = new Objects(cluster);
	const apiVersion = "rbac.authorization.k8s.io/v1";
	const metadata = { name: "claviger-pod-annotations" };
	const rules = [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }];
	await made.create({ apiVersion, kind: "ClusterRole", metadata, rules });
	await made.create({
		apiVersion,
		kind: "ClusterRoleBinding",
		metadata,
		roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: metadata.name },
		subjects: [{ kind: "ServiceAccount", name: "claviger", namespace: "kube-system" }],
	});
}

test.serial("a real API server's tokens log in, and its pods' annotations say what they get, once the provider may look", async (t) => {
	const keys = (await cluster.jwks()) as JSONWebKeySet;
	const issuer: TokenIssuer = {
		issuer: cluster.address,
		keys,
		publicKeyPem: "",
		token: (pod, { audience: wanted = "" } = {}) => cluster.token(pod.namespace, pod.serviceAccount, { audience: String(wanted), pod }),
	};
	const conjur = await startConjur(t);
	conjur.authenticators.add(service, { keys, issuer: cluster.address, audience, tokenAppProperty: "sub", identityPath: branch });
	conjur.variables.set("db/password", "hunter2");
	const pod = await cluster.createPod("shop", "web");
	letIn(conjur, pod, ["db/password"]);
	await new Objects(cluster).change(
		{ apiVersion: "v1", kind: "Pod", namespace: "shop", name: pod.name },
		{ metadata: { annotations: { [annotation]: "- f: db/password" } } },
	);
	const tokenFile = join(cluster.directory, "conjur-provider-token");
	writeFileSync(tokenFile, await cluster.token("kube-system", "claviger", { audience: cluster.address }), { mode: 0o600 });
	const flags = ["--kubernetes-api", cluster.address, "--kubernetes-ca", cluster.caFile, "--kubernetes-token-file", tokenFile];
	const forbidden = await startMounter(t, { conjur, issuer }, { flags });
	const parameters = classParameters(conjur);
	t.regex((await failureOf(forbidden.mount(parameters, { pod }))).details, /CKCP039 .*answered 403.*readPodAnnotations\.enabled=true/s);
	await permitPods();
	const { mount, provider } = await startMounter(t, { conjur, issuer }, { flags });
	t.deepEqual(filesOf(await mount(parameters, { pod })), [["f", 0o644, "hunter2"]]);
	const other = await cluster.createPod("shop", "other");
	t.is((await failureOf(mount({ ...parameters, secrets: "- f: db/password" }, { pod: other }))).errorCode, "unidentified");
	const forged = await (await createTokenIssuer(cluster.address)).token(pod, { audience });
	await failureOf(provider.mount("conjur", pod, parameters, { tokens: { [audience]: forged } }));
	t.deepEqual(conjur.counts(), { authenticate: 2, "secrets.batch": 1 }, "the forged token went nowhere");
});
