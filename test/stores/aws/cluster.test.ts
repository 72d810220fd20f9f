import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import type { JSONWebKeySet } from "jose";
import { type AwsServers, startAws } from "../../servers/aws/aws.ts";
import { type Cluster, startCluster } from "../../servers/kubernetes/cluster.ts";
import { Objects } from "../../servers/kubernetes/objects.ts";
import { CallFailure } from "../../support/mount-client.ts";
import { startTestProvider, type TestProvider } from "../../support/provider.ts";
import { createTokenIssuer, type TokenIssuer } from "../../support/token-issuer.ts";

const annotation = "eks.amazonaws.com/role-arn";
const audience = "sts.amazonaws.com";
const agentAudience = "pods.eks.amazonaws.com";
const objects = "- {objectName: shop/db, objectType: secretsmanager}\n- {objectName: /shop/key, objectType: ssmparameter}";

let cluster: Cluster;
let aws: AwsServers;
let issuer: TokenIssuer;
let providerToken: string;

test.before(async () => {
	[cluster, aws] = await Promise.all([startCluster(), startAws(undefined)]);
	issuer = await clusterIssuer();
	providerToken = await createProviderAccount();
	await aws.putSecret("shop/db", "hunter2");
	await aws.putParameter("/shop/key", "sesame");
	const role = aws.roleArn("shop");
	aws.permit(role, { allow: [{ actions: ["secretsmanager:*", "ssm:GetParameters"], resources: ["shop/*", "/shop/*"] }] });
	aws.trust(role, { issuer, subject: "system:serviceaccount:shop:web" });
	aws.associate(role, { issuer, namespace: "shop", serviceAccount: "web" });
	for (const account of ["web", "thief", "plain"]) await cluster.createServiceAccount("shop", account);
	for (const account of ["web", "thief"]) await annotate(account, role);
});

test.after.always(async () => {
	await cluster?.stop();
	await aws?.stop();
});

/** The API server as what it is to STS: an issuer with published keys. */
async function clusterIssuer(): Promise<TokenIssuer> {
	return {
		issuer: cluster.address,
		keys: (await cluster.jwks()) as JSONWebKeySet,
		publicKeyPem: "",
		token: (pod, { audience: wanted = "" } = {}) => cluster.token(pod.namespace, pod.serviceAccount, { audience: String(wanted), pod }),
	};
}

/** The provider's own account, which may get service accounts and nothing else. @returns its token */
async function createProviderAccount(): Promise<string> {
	const [namespace, name] = ["kube-system", "claviger"];
	await cluster.createServiceAccount(namespace, name);
	const [apiVersion, apiGroup] = ["rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io"];
	const made = new Objects(cluster);
	const rules = [{ apiGroups: [""], resources: ["serviceaccounts"], verbs: ["get"] }];
	await made.create({ apiVersion, kind: "ClusterRole", metadata: { name }, rules });
	const roleRef = { apiGroup, kind: "ClusterRole", name };
	await made.create({
		apiVersion,
		kind: "ClusterRoleBinding",
		metadata: { name },
		roleRef,
		subjects: [{ kind: "ServiceAccount", name, namespace }],
	});
	return cluster.token(namespace, name, { audience: cluster.address });
}

function annotate(name: string, role: string): Promise<void> {
	const account = { apiVersion: "v1", kind: "ServiceAccount", namespace: "shop", name };
	return new Objects(cluster).change(account, { metadata: { annotations: { [annotation]: role } } });
}

async function start(t: ExecutionContext<unknown>, options: { readonly verifies?: boolean } = {}): Promise<TestProvider> {
	const tokenFile = join(cluster.directory, "provider-token");
	writeFileSync(tokenFile, providerToken, { mode: 0o600 });
	const policy = `profile: strict\ndialects:\n  aws: {region: us-east-1, endpoints: ${JSON.stringify(aws.endpoints)}}\n`;
	const flags = ["--kubernetes-api", cluster.address, "--kubernetes-ca", cluster.caFile, "--kubernetes-token-file", tokenFile];
	return startTestProvider(t, { policy, providers: "aws", issuer, flags, ...options });
}

async function failure(t: ExecutionContext<unknown>, mounted: Promise<unknown>): Promise<CallFailure> {
	const error = await t.throwsAsync(mounted, { instanceOf: CallFailure });
	if (error === undefined) throw new Error("the mount did not fail");
	return error;
}

test.serial("a pod logs in with its API server's token as the role that its service account names", async (t) => {
	const provider = await start(t);
	aws.forgetCalls();
	for (const pod of [await cluster.createPod("shop", "web"), await cluster.createPod("shop", "web")]) {
		const { files } = await provider.mount("aws", pod, { objects }, { audience });
		t.is(files.get("shop_db")?.contents.toString(), "hunter2");
		t.is(files.get("_shop_key")?.contents.toString(), "sesame");
	}
	t.is(aws.count({ service: "sts" }), 1, "two pods of one account are one login");
	t.is(aws.count({ role: aws.roleArn("shop") }), aws.count(), "no call by anybody else");
});

test.serial("a service account that names a role which does not trust it is denied by STS", async (t) => {
	const provider = await start(t);
	aws.forgetCalls();
	const error = await failure(t, provider.mount("aws", await cluster.createPod("shop", "thief"), { objects }, { audience }));
	t.is(error.errorCode, "denied", error.details);
	t.true(error.details.includes(aws.roleArn("shop")), error.details);
	t.true(error.details.includes("system:serviceaccount:shop:thief"), error.details);
	t.is(aws.count(), aws.count({ service: "sts" }), "nothing was read");
});

test.serial("a service account without a role hears which command gives it one", async (t) => {
	const provider = await start(t);
	aws.forgetCalls();
	const error = await failure(t, provider.mount("aws", await cluster.createPod("shop", "plain"), { objects }, { audience }));
	t.true(error.details.startsWith("An IAM role must be associated with service account plain (namespace: shop)"), error.details);
	t.true(error.details.includes(`kubectl annotate serviceaccount plain --namespace shop ${annotation}=`), error.details);
	t.is(aws.count(), 0);
});

test.serial("a token that somebody else signed in the API server's name is refused by STS too", async (t) => {
	const provider = await start(t, { verifies: false });
	const pod = await cluster.createPod("shop", "web");
	const forged = await (await createTokenIssuer(cluster.address)).token(pod, { audience });
	aws.forgetCalls();
	const error = await failure(t, provider.mount("aws", pod, { objects }, { tokens: { [audience]: forged } }));
	t.true(error.details.includes("InvalidIdentityToken"), error.details);
	t.false(error.details.includes(forged));
	t.is(aws.count(), aws.count({ service: "sts" }), "nothing was read");
});

test.serial("the Pod Identity agent takes the API server's token for the role of the association", async (t) => {
	const provider = await start(t);
	aws.forgetCalls();
	const parameters = { objects, usePodIdentity: "true" };
	const { files } = await provider.mount("aws", await cluster.createPod("shop", "web"), parameters, { audience: agentAudience });
	t.is(files.get("shop_db")?.contents.toString(), "hunter2");
	t.is(aws.count({ service: "agent", name: "shop/web" }), 1);
	t.is(aws.count({ service: "sts" }), 0);
	const stranger = await failure(
		t,
		provider.mount("aws", await cluster.createPod("shop", "plain"), parameters, { audience: agentAudience }),
	);
	t.is(stranger.errorCode, "denied", stranger.details);
});
