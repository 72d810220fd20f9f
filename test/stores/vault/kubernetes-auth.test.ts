import { readFileSync } from "node:fs";
import test from "ava";
import { type Cluster, startCluster } from "../../servers/kubernetes/cluster.ts";
import { enableKv, startVault, type VaultServer, writePolicy } from "../../servers/vault/vault.ts";
import { CallFailure } from "../../support/mount-client.ts";
import { startTestProvider } from "../../support/provider.ts";
import { createTokenIssuer } from "../../support/token-issuer.ts";

let cluster: Cluster;
let vault: VaultServer;

test.before(async () => {
	[cluster, vault] = await Promise.all([startCluster(), startVault(undefined)]);
	await cluster.createServiceAccount("shop", "web");
	await cluster.createServiceAccount("shop", "other");
	await enableKv(vault, "secret", 2);
	await vault.api("POST", "secret/data/app", { data: { password: "hunter2" } });
	await writePolicy(vault, "app", { "secret/data/app": ["read"] });
	await vault.api("POST", "sys/auth/kubernetes", { type: "kubernetes" });
	await vault.api("POST", "auth/kubernetes/config", {
		kubernetes_host: cluster.address,
		kubernetes_ca_cert: readFileSync(cluster.caFile, "utf8"),
		token_reviewer_jwt: cluster.reviewerToken,
	});
	await vault.api("POST", "auth/kubernetes/role/shop", {
		bound_service_account_names: ["web"],
		bound_service_account_namespaces: ["shop"],
		audience: "vault",
		policies: ["app"],
	});
});

test.after.always(async () => {
	await cluster?.stop();
	await vault?.stop();
});

const objects = "- {objectName: password, secretPath: secret/data/app, secretKey: password}";

function parameters(roleName = "shop") {
	return { vaultAddress: vault.address, roleName, objects };
}

test("Vault's kubernetes login takes the pod's own token, which a real API server reviews", async (t) => {
	const provider = await startTestProvider(t, { policy: `endpoints: ["${vault.address}"]`, verifies: false });
	const web = await cluster.createPod("shop", "web");
	const token = await cluster.token("shop", "web", { audience: "vault", pod: web });
	const { files } = await provider.mount("vault", web, parameters(), { tokens: { vault: token } });
	t.is(files.get("password")?.contents.toString(), "hunter2");
});

test("another service account is refused in Vault's own words, and a forged token is refused", async (t) => {
	const provider = await startTestProvider(t, { policy: `endpoints: ["${vault.address}"]`, verifies: false });
	const other = await cluster.createPod("shop", "other");
	const token = await cluster.token("shop", "other", { audience: "vault", pod: other });
	const refusal = await t.throwsAsync(provider.mount("vault", other, parameters(), { tokens: { vault: token } }), {
		instanceOf: CallFailure,
	});
	t.is(refusal?.code, "UNKNOWN");
	t.is(refusal?.errorCode, "denied");
	t.regex(
		refusal?.details ?? "",
		/^error making mount request: couldn't read secret "password": failed to login: Error making API request\.\n\nURL: POST /,
	);
	t.true(refusal?.details.includes("service account name not authorized"), refusal?.details);
	const web = await cluster.createPod("shop", "web");
	const forged = await (await createTokenIssuer(cluster.address)).token(web);
	const second = await t.throwsAsync(provider.mount("vault", web, parameters(), { tokens: { vault: forged } }), {
		instanceOf: CallFailure,
	});
	t.is(second?.errorCode, "denied", second?.details);
});

test("a role that does not exist is told", async (t) => {
	const provider = await startTestProvider(t, { policy: `endpoints: ["${vault.address}"]`, verifies: false });
	const web = await cluster.createPod("shop", "web");
	const token = await cluster.token("shop", "web", { audience: "vault", pod: web });
	const error = await t.throwsAsync(provider.mount("vault", web, parameters("none"), { tokens: { vault: token } }), {
		instanceOf: CallFailure,
	});
	t.true(error?.details.includes('invalid role name "none"'), error?.details);
});
