import { readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import test, { type ExecutionContext } from "ava";
import { installPush } from "../kubernetes/push-support.ts";
import { makeAuthority } from "../net/certificates.ts";
import { freePort } from "../servers/free-port.ts";
import { field } from "../servers/kubernetes/api-client.ts";
import { type Cluster, startCluster } from "../servers/kubernetes/cluster.ts";
import { installDriverObjects } from "../servers/kubernetes/driver-objects.ts";
import { startVault, type VaultServer } from "../servers/vault/vault.ts";
import { startTestProvider } from "../support/provider.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { waitUntil } from "../support/wait-until.ts";
import { type Examination, examine, policyFlag } from "./doctor-support.ts";

const driverPath = "/apis/storage.k8s.io/v1/csidrivers/secrets-store.csi.k8s.io";
const driverSet = "/apis/apps/v1/namespaces/kube-system/daemonsets";
const rbac = "/apis/rbac.authorization.k8s.io/v1";
const ourAccount = { kind: "ServiceAccount", namespace: "claviger-system", name: "claviger" };

let cluster: Cluster;
let vault: VaultServer;
/** Of the provider's account, bound to its pod. */
let token: string;

test.before(async () => {
	[cluster, vault] = await Promise.all([startCluster(), startVault(undefined)]);
	await cluster.createServiceAccount("shop", "web");
	await cluster.createServiceAccount("claviger-system", "poor");
	token = await installPush(cluster, "node-1");
	await installDriverObjects(cluster, ["claviger", "vault"]);
	await make(`${driverSet}`, driverDaemonSet([]));
	await grant("token-keys", "system:service-account-issuer-discovery");
});
test.after.always(() => Promise.all([cluster?.stop(), vault?.stop()]));

async function make(path: string, object: object): Promise<void> {
	const { status, body } = await cluster.request("POST", path, object);
	if (status !== 201) throw new Error(`POST ${path} was answered ${status}: ${JSON.stringify(body)}`);
}

async function grant(name: string, role: string): Promise<void> {
	const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role };
	await make(`${rbac}/clusterrolebindings`, { metadata: { name }, roleRef, subjects: [ourAccount] });
}

/** What `kubectl create clusterrole NAME --verb=… --resource=… && kubectl create clusterrolebinding NAME …` makes. */
async function runGrant(t: ExecutionContext, remedy: string): Promise<void> {
	const [, name = "", verb = "", resource = "", only] =
		/^Run: kubectl create clusterrole (\S+) --verb=(\S+) --resource=([^ ]+)(?: --resource-name=(\S+))? && kubectl create clusterrolebinding \S+ --clusterrole=\S+ --serviceaccount=claviger-system:claviger$/.exec(
			remedy,
		) ?? [];
	t.not(name, "", remedy);
	const [plural = "", ...group] = resource.split(".");
	const rule = {
		verbs: [verb],
		apiGroups: [group.join(".")],
		resources: [plural],
		...(only === undefined ? {} : { resourceNames: [only] }),
	};
	await make(`${rbac}/clusterroles`, { metadata: { name }, rules: [rule] });
	await grant(name, name);
	t.teardown(async () => {
		for (const kind of ["clusterrolebindings", "clusterroles"]) await cluster.request("DELETE", `${rbac}/${kind}/${name}`);
	});
}

function driverDaemonSet(flags: readonly string[], image = "registry.k8s.io/csi-secrets-store/driver:v1.6.0") {
	const labels = { app: "secrets-store-csi-driver" };
	const directory = "/var/run/secrets-store-csi-providers";
	const args = [
		"--endpoint=$(CSI_ENDPOINT)",
		`--provider-volume=${directory}`,
		"--enable-secret-rotation=true",
		"--rotation-poll-interval=1s",
	];
	const driver = { name: "secrets-store", image, args: [...args, ...flags], volumeMounts: [{ name: "providers", mountPath: directory }] };
	const volumes = [{ name: "providers", hostPath: { path: directory, type: "DirectoryOrCreate" } }];
	const spec = { containers: [{ name: "liveness", image: "registry.k8s.io/sig-storage/livenessprobe:v2.15.0" }, driver], volumes };
	return {
		metadata: { name: "csi-secrets-store", namespace: "kube-system" },
		spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
	};
}

interface LookOptions {
	readonly token?: string;
	readonly caFile?: string;
	readonly address?: string;
	readonly flags?: readonly string[];
}

function look(
	t: ExecutionContext,
	{ address = cluster.address, caFile = cluster.caFile, ...options }: LookOptions = {},
): Promise<Examination> {
	const tokenFile = join(temporaryDirectory(t), "token");
	writeFileSync(tokenFile, `${options.token ?? cluster.adminToken}\n`);
	return examine([
		`--kubernetes-api=${address}`,
		`--kubernetes-ca=${caFile}`,
		`--kubernetes-token-file=${tokenFile}`,
		"--providers=vault,claviger",
		policyFlag(t, `stores: {main: {type: vault, address: "${vault.address}"}}`),
		...(options.flags ?? ["--http=off"]),
	]);
}

test.serial("where all is well nothing is in doubt: driver, tokens, rights, sockets, the provider and its store", async (t) => {
	const port = await freePort();
	const policy = `stores: {main: {type: vault, address: "${vault.address}"}}\ndialects: {vault: {address: "${vault.address}"}}`;
	const provider = await startTestProvider(t, { policy, providers: "vault,claviger", flags: [`--http=127.0.0.1:${port}`] });
	const sockets = join(provider.directory, "sockets");
	// What the driver's objects need beside the provider's own rights.
	for (const [name, rule] of Object.entries({
		"see-csidriver": { apiGroups: ["storage.k8s.io"], resources: ["csidrivers"], verbs: ["get"] },
		"see-daemonsets": { apiGroups: ["apps"], resources: ["daemonsets"], verbs: ["list"] },
	})) {
		await make(`${rbac}/clusterroles`, { metadata: { name }, rules: [rule] });
		await grant(name, name);
		t.teardown(async () => {
			for (const kind of ["clusterrolebindings", "clusterroles"]) await cluster.request("DELETE", `${rbac}/${kind}/${name}`);
		});
	}
	const seen = await look(t, {
		token,
		flags: [
			`--http=127.0.0.1:${port}`,
			`--socket-dir=${sockets}`,
			`--driver-socket-dirs=${sockets}`,
			"--push=annotation",
			"--node-name=node-1",
			`--token-issuer=${cluster.address}`,
		],
	});
	// The API server of the test has a certificate for two days, and whether this machine swaps is its own affair.
	t.deepEqual(
		seen.trouble.filter((line) => !/^(Process\/swap|API server\/certificate) /.test(line)),
		["Process/provider unchecked"],
	);
	t.is(seen.code, 0);
	const checks = new Set(seen.findings.map(({ section, check }) => `${section.replace(/ at .*/, "")}/${check}`));
	for (const expected of [
		"Process/readiness",
		"Sockets/socket",
		"API server/TLS",
		"API server/clock",
		"API server/token",
		"API server/token times",
		"API server/token keys",
		"API server/token issuer",
		"API server/version",
		"Rights/rights",
		"Rights/fence",
		"Driver/kinds",
		"Driver/CSIDriver",
		"Driver/tokenRequests",
		"Driver/driver version",
		"Driver/rotation",
		"Driver/rotation interval",
		"Driver/receive limit",
		"Driver/driver directory",
		"Policy/policy",
		"Store main (vault)/Vault",
	]) {
		t.true(checks.has(expected), expected);
	}
	for (const part of token.split(".")) t.false(seen.output.includes(part));
});

interface DriverCase {
	readonly what: string;
	readonly patch: object;
	readonly check: string;
	readonly message: RegExp;
	readonly remedy: RegExp;
	readonly status?: string;
}

const driverCases: readonly DriverCase[] = [
	{
		what: "that does not republish",
		patch: { spec: { requiresRepublish: false } },
		check: "requiresRepublish",
		message: /no change and no revocation ever reaches a running pod/,
		remedy: /^Run: kubectl patch csidriver secrets-store\.csi\.k8s\.io --type merge --patch '\{"spec": \{"requiresRepublish": true\}\}'$/,
	},
	{
		what: "that does not tell of pods",
		patch: { spec: { podInfoOnMount: false } },
		check: "podInfoOnMount",
		message: /every mount fails/,
		remedy: /'\{"spec": \{"podInfoOnMount": true\}\}'$/,
	},
	{
		what: "that hands out tokens of the API server",
		patch: { spec: { tokenRequests: [{ audience: "" }, { audience: "vault" }] } },
		check: "tokenRequests",
		message: /the API server's own audience \(""\)/,
		remedy: /kubectl edit csidriver/,
		status: "warning",
	},
	{
		what: "of Helm's without the audience",
		patch: {
			metadata: { annotations: { "meta.helm.sh/release-name": "csi", "meta.helm.sh/release-namespace": "kube-system" } },
			spec: { tokenRequests: [{ audience: "it's", expirationSeconds: 900 }] },
		},
		check: "tokenRequests",
		message: /The audience "vault" is not in tokenRequests, so no pod has the token for the store/,
		remedy:
			/^Run: helm upgrade csi secrets-store-csi-driver --repo \S+ --namespace kube-system --reuse-values --set 'tokenRequests\[0\]\.audience=it'\\''s' --set 'tokenRequests\[0\]\.expirationSeconds=900' --set 'tokenRequests\[1\]\.audience=vault'$/,
	},
];

for (const { what, patch, check, message, remedy, status = "failed" } of driverCases) {
	test.serial(`a CSIDriver ${what} is told with the command that mends it`, async (t) => {
		await changeDriver(t, patch);
		const seen = await look(t);
		const found = seen.of(check).find((finding) => finding.status === status);
		t.regex(found?.message ?? "", message);
		t.regex(found?.remedy ?? "", remedy);
	});
}

async function changeDriver(t: ExecutionContext, patch: object): Promise<void> {
	const { body } = await cluster.request("GET", driverPath);
	const before = { metadata: { annotations: null }, spec: field(body, "spec") };
	t.teardown(() => cluster.request("PATCH", driverPath, before));
	t.is((await cluster.request("PATCH", driverPath, patch)).status, 200);
}

for (const [what, tokenRequests] of [
	["has none", null],
	["has those of other providers", [{ audience: "sts.amazonaws.com", expirationSeconds: 900 }, { audience: "it's" }]],
] as const) {
	test.serial(`the command for missing audiences mends a list that ${what}, and keeps what is there`, async (t) => {
		await changeDriver(t, { spec: { tokenRequests } });
		const [found] = (await look(t)).of("tokenRequests");
		t.is(found?.status, "failed");
		const [, patch = ""] =
			/^Run: kubectl patch csidriver secrets-store\.csi\.k8s\.io --type json --patch '(.*)'$/.exec(found?.remedy ?? "") ?? [];
		t.is(await applyJsonPatch(patch), 200);
		const { body } = await cluster.request("GET", driverPath);
		t.deepEqual(field(body, "spec", "tokenRequests"), [...(tokenRequests ?? []), { audience: "vault" }]);
		t.true((await look(t)).of("tokenRequests").every(({ status }) => status === "ok"));
	});
}

async function applyJsonPatch(patch: string): Promise<number | undefined> {
	const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
	const headers = { authorization: `Bearer ${cluster.adminToken}`, "content-type": "application/json-patch+json" };
	const sent = request(`${cluster.address}${driverPath}`, { method: "PATCH", headers, ca: readFileSync(cluster.caFile) }, (response) => {
		text(response).then(() => resolve(response.statusCode), reject);
	});
	sent.on("error", reject);
	sent.end(patch);
	return promise;
}

for (const [what, object, check, status, message, remedy] of [
	[
		"an old driver",
		driverDaemonSet([], "mirror.example/csi-secrets-store/driver:v1.4.8"),
		"driver version",
		"warning",
		/driver 1\.4/,
		/helm upgrade/,
	],
	[
		"no rotation",
		driverDaemonSet(["--enable-secret-rotation=false"]),
		"rotation",
		"failed",
		/does not rotate/,
		/--set enableSecretRotation=true; without Helm add --enable-secret-rotation=true .*edit daemonset csi-secrets-store$/,
	],
	[
		"a long interval",
		driverDaemonSet(["--rotation-poll-interval=5m0s"]),
		"rotation interval",
		"warning",
		/empty volume/,
		/rotationPollInterval=1s/,
	],
	[
		"a small limit",
		driverDaemonSet(["--max-call-recv-msg-size=1048576"]),
		"receive limit",
		"failed",
		/takes 1048576/,
		/--max-response-bytes=1048576$/,
	],
	[
		"another directory",
		driverDaemonSet(["--provider-volume=/elsewhere"]),
		"driver directory",
		"warning",
		/sockets in \/elsewhere/,
		/Mount \/elsewhere as the provider's/,
	],
] as const) {
	test.serial(`a driver with ${what} is told`, async (t) => {
		await cluster.request("DELETE", `${driverSet}/csi-secrets-store`);
		await make(driverSet, object);
		t.teardown(async () => {
			await cluster.request("DELETE", `${driverSet}/csi-secrets-store`);
			await make(driverSet, driverDaemonSet([]));
		});
		const [found] = (await look(t)).of(check);
		t.is(found?.status, status);
		t.regex(found?.message ?? "", message);
		t.regex(found?.remedy ?? "", remedy);
	});
}

test.serial("without rights nothing fails for it, and each command given opens what it says", async (t) => {
	const bare = await look(t, { token });
	for (const check of ["CSIDriver", "driver"]) {
		const [found] = bare.of(check);
		t.is(found?.status, "unchecked");
		t.regex(found?.message ?? "", /This account may not ask for it: it lacks (get on csidrivers|list on daemonsets)/);
		await runGrant(t, found?.remedy ?? "");
	}
	const granted = await look(t, { token });
	t.is(granted.of("CSIDriver")[0]?.status, "ok");
	t.is(granted.of("driver version")[0]?.status, "ok");
});

test.serial("a cluster without the driver is told how to install it", async (t) => {
	const { body } = await cluster.request("GET", driverPath);
	await cluster.request("DELETE", driverPath);
	t.teardown(() =>
		make("/apis/storage.k8s.io/v1/csidrivers", { metadata: { name: field(body, "metadata", "name") }, spec: field(body, "spec") }),
	);
	const [found] = (await look(t)).of("CSIDriver");
	t.is(found?.status, "failed");
	t.regex(found?.remedy ?? "", /^Run: helm install csi-secrets-store .* --set enableSecretRotation=true$/);
});

test.serial("rights that options need and the account lacks are told, and rights that it should not have", async (t) => {
	const poor = await cluster.token("claviger-system", "poor", { audience: cluster.address });
	const flags = [
		"--http=off",
		"--push=annotation",
		"--node-name=node-1",
		"--token-verification=review",
		"--version-key-secret=claviger-system/key",
	];
	const seen = await look(t, { token: poor, flags });
	const failures = seen.findings.filter(({ section, status }) => section === "Rights" && status === "failed");
	t.deepEqual(
		failures.map(({ message }) => /lacks (.*), which|may not get (the Secret [^ ,]+)/.exec(message)?.slice(1).join("")),
		["list on pods", "watch on pods", "patch on pods", "create on tokenreviews.authentication.k8s.io", "the Secret claviger-system/key"],
	);
	t.is(failures[0]?.remedy, "Run: kubectl apply --filename manifests/deploy/push");
	t.is(
		failures[3]?.remedy,
		"Run: kubectl create clusterrole claviger-create-tokenreviews --verb=create --resource=tokenreviews.authentication.k8s.io && kubectl create clusterrolebinding claviger-create-tokenreviews --clusterrole=claviger-create-tokenreviews --serviceaccount=claviger-system:poor",
	);
	t.regex(
		failures[4]?.remedy ?? "",
		/^Run: kubectl create role .* --verb=get --resource=secrets --resource-name=key --namespace claviger-system && kubectl create rolebinding .* --serviceaccount=claviger-system:poor --namespace claviger-system$/,
	);
	t.is(seen.of("fence")[0]?.status, "unchecked");
	const others = await look(t, {
		token: poor,
		flags: ["--http=off", "--node-name=node-1", "--events=on", "--startup-taint=claviger.dev/starting"],
	});
	t.deepEqual(
		others.of("rights").map(({ status, message }) => `${status} ${/lacks (.*), which (\S+)/.exec(message)?.slice(1).join(" for ")}`),
		[
			"failed list on pods for --node-name",
			"failed watch on pods for --node-name",
			"failed create on events.events.k8s.io for --events",
			"failed get on nodes for --startup-taint",
			"failed patch on nodes for --startup-taint",
		],
	);
	const rich = await look(t);
	t.true(rich.of("needless right").some(({ message }) => message.includes("list on secrets in all namespaces")));
});

test.serial("a right to patch pods without its fence is told", async (t) => {
	const binding = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/claviger-push";
	const { body } = await cluster.request("GET", binding);
	await cluster.request("DELETE", binding);
	t.teardown(() => make(binding.replace(/\/[^/]+$/, ""), { metadata: { name: "claviger-push" }, spec: field(body, "spec") }));
	const end = Date.now() + 30_000;
	let seen: Examination;
	do seen = await look(t, { token, flags: ["--http=off", "--push=annotation", "--node-name=node-1"] });
	while (seen.of("fence")[0]?.status === "ok" && Date.now() < end);
	t.is(seen.of("fence")[0]?.status, "failed");
	t.is(seen.of("fence")[0]?.remedy, "Run: kubectl apply --filename manifests/deploy/push/1-admission.yaml");
	const { body: pod } = await cluster.request("GET", "/api/v1/namespaces/claviger-system/pods/claviger-0");
	t.is(field(pod, "metadata", "labels"), undefined);
});

test.serial("an API server that cannot be reached, proved or asked is told stage by stage", async (t) => {
	const port = await freePort();
	const gone = await look(t, { address: `https://127.0.0.1:${port}` });
	t.regex(gone.findings.find(({ section, check }) => section === "API server" && check === "TCP")?.message ?? "", /refused/);
	const stranger = makeAuthority(temporaryDirectory(t), "stranger");
	const [tls] = (await look(t, { caFile: stranger.certificate })).of("TLS");
	t.is(tls?.status, "failed");
	t.regex(tls?.message ?? "", /self-signed and not among the trusted ones .* held against the authorities in .*stranger\.pem/);
	const noToken = await look(t, { flags: ["--http=off", "--kubernetes-token-file=/nowhere/token"] });
	t.deepEqual(
		noToken.findings.filter(({ status }) => status === "failed").map(({ message }) => message),
		["--kubernetes-token-file /nowhere/token cannot be read."],
	);
	const [forged] = (await look(t, { token: `${token.slice(0, -20)}AAAAAAAAAAAAAAAAAAAA` })).of("token");
	t.is(forged?.status, "failed");
	t.regex(forged?.remedy ?? "", /kubectl create token claviger --namespace claviger-system/);
});

test.serial("keys that the account may not read, and another issuer, are told", async (t) => {
	const poor = await cluster.token("claviger-system", "poor", { audience: cluster.address });
	// Kubernetes opens the keys to all service accounts; hardened clusters take that away.
	const everybody = `${rbac}/clusterrolebindings/system:service-account-issuer-discovery`;
	const { body } = await cluster.request("GET", everybody);
	await cluster.request("DELETE", everybody);
	t.teardown(() =>
		make(`${rbac}/clusterrolebindings`, {
			metadata: { name: "system:service-account-issuer-discovery" },
			roleRef: field(body, "roleRef"),
			subjects: field(body, "subjects"),
		}),
	);
	await waitUntil(async () => (await cluster.request("GET", "/openid/v1/jwks", undefined, poor)).status === 403);
	const keys = (await look(t, { token: poor })).of("token keys")[0];
	t.is(keys?.status, "failed");
	t.is(
		keys?.remedy,
		"Run: kubectl create clusterrolebinding claviger-token-keys --clusterrole=system:service-account-issuer-discovery --serviceaccount=claviger-system:poor",
	);
	const issuer = (await look(t, { token, flags: ["--http=off", "--token-issuer=https://other.example"] })).of("token issuer")[0];
	t.is(issuer?.status, "failed");
	t.is(issuer?.remedy, `Start the provider with --token-issuer=${cluster.address}`);
});

test.serial("a class is read from the cluster by its name, and its own audience is among those needed", async (t) => {
	const classes = "/apis/secrets-store.csi.x-k8s.io/v1/namespaces/shop/secretproviderclasses";
	const parameters = {
		stores: `{own: {type: vault, address: "${vault.address}", role: shop, audience: vault-eu}}`,
		objects: "[{name: db, path: secret/data/db}]",
		files: "[{path: a, from: db}]",
	};
	await make(classes, {
		apiVersion: "secrets-store.csi.x-k8s.io/v1",
		kind: "SecretProviderClass",
		metadata: { name: "shop" },
		spec: { provider: "claviger", parameters },
	});
	const flags = ["--http=off", "--class=shop", "--namespace=shop", "--service-account=web"];
	const seen = await look(t, { flags });
	t.regex(seen.of("plan")[0]?.message ?? "", /shop is in order for the provider claviger: 1 objects, 1 files/);
	t.regex(seen.of("tokenRequests")[0]?.message ?? "", /"vault-eu" is not in tokenRequests, so no pod has the token for the class shop/);
	const [denied] = (await look(t, { token, flags })).of("plan");
	t.regex(denied?.message ?? "", /shop\/shop cannot be read: this account may not read it/);
	t.is(denied?.remedy, "Save it and give the file: kubectl get secretproviderclass shop --namespace shop --output yaml >class.yaml");
	const [absent] = (await look(t, { flags: [...flags, "--class=other"] })).of("plan");
	t.is(absent?.remedy, "See: kubectl get secretproviderclass --namespace shop");
});
