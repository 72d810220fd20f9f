import test from "ava";
import { Dialects } from "../../provider/dialects.ts";
import { serveHelp } from "../../provider/options.ts";
import { parsePolicy } from "../../provider/policy/policy-file.ts";
import { StoreRegistry } from "../../provider/store-registry.ts";
import { stores } from "../../provider/stores/index.ts";
import { at, listAt, type Manifest, readManifests } from "./read-manifests.ts";

const deployed = readManifests("deploy");

function ofKind(kind: string): readonly Manifest[] {
	return deployed.filter((object) => object.kind === kind);
}

function theOnly(kind: string): Manifest {
	const [object, ...others] = ofKind(kind);
	if (object === undefined || others.length > 0) throw new Error(`${ofKind(kind).length} objects of kind ${kind}`);
	return object;
}

const pod = at(theOnly("DaemonSet"), "spec", "template", "spec");
const container = at(pod, "containers", 0);

test("every object is named, labelled, and in the namespace that is made first", (t) => {
	t.is(deployed[0]?.kind, "Namespace");
	for (const { kind, metadata } of deployed) {
		t.is(at(metadata, "labels", "app.kubernetes.io/name"), "claviger", `${kind} ${metadata.name}`);
		const clusterWide = kind === "Namespace" || kind.startsWith("Cluster");
		t.is(metadata.namespace, clusterWide ? undefined : deployed[0]?.metadata.name, `${kind} ${metadata.name}`);
	}
});

test("the pod is not privileged and shares nothing of the host but the socket directory", (t) => {
	for (const field of ["hostNetwork", "hostPID", "hostIPC", "initContainers"]) t.is(at(pod, field), undefined, field);
	t.like(container, {
		securityContext: {
			privileged: false,
			allowPrivilegeEscalation: false,
			readOnlyRootFilesystem: true,
			capabilities: { drop: ["ALL"] },
		},
	});
	t.is(at(container, "securityContext", "capabilities", "add"), undefined);
	t.is(at(pod, "securityContext", "seccompProfile", "type"), "RuntimeDefault");
	const hostPaths = listAt(pod, "volumes").flatMap((volume) => at(volume, "hostPath", "path") ?? []);
	t.deepEqual(hostPaths, ["/var/run/secrets-store-csi-providers"]);
	for (const port of listAt(container, "ports")) t.is(at(port, "hostPort"), undefined);
});

test("memory is limited, and no image or update can take the provider from a node", (t) => {
	t.regex(String(at(container, "resources", "limits", "memory")), /^\d+Mi$/);
	t.regex(String(at(container, "resources", "requests", "memory")), /^\d+Mi$/);
	t.regex(String(at(container, "image")), /@sha256:[0-9a-f]{64}$/);
	t.deepEqual(listAt(pod, "tolerations"), [{ operator: "Exists" }]);
	t.is(at(pod, "priorityClassName"), "system-node-critical");
	t.like(theOnly("DaemonSet"), { spec: { updateStrategy: { rollingUpdate: { maxUnavailable: 0 } } } });
});

test("every flag is one of the program's, and every path in them is mounted", (t) => {
	const args = listAt(container, "args").map(String);
	t.is(args[0], "serve");
	const mounts = listAt(container, "volumeMounts").map((mount) => String(at(mount, "mountPath")));
	for (const flag of args.slice(1)) {
		const [, name, value] = /^--([a-z-]+)=(.+)$/.exec(flag) ?? [];
		t.true(name !== undefined && serveHelp().includes(`--${name} `), flag);
		if (value?.startsWith("/"))
			t.true(
				mounts.some((mount) => value === mount || value.startsWith(`${mount}/`)),
				flag,
			);
	}
	const declared = listAt(pod, "volumes").map((volume) => at(volume, "name"));
	t.deepEqual(
		declared,
		listAt(container, "volumeMounts").map((mount) => at(mount, "name")),
	);
	for (const probe of ["startupProbe", "readinessProbe", "livenessProbe"]) t.is(at(container, probe, "httpGet", "port"), "http", probe);
	t.true(args.includes(`--http=:${String(at(container, "ports", 0, "containerPort"))}`));
});

test("the provider's rights reach no Secret of others, no token and no pod", (t) => {
	t.deepEqual(ofKind("ClusterRole"), [], "only Kubernetes' own role is bound cluster-wide");
	t.deepEqual(
		ofKind("ClusterRoleBinding").map((binding) => at(binding, "roleRef", "name")),
		["system:service-account-issuer-discovery"],
	);
	t.deepEqual(at(theOnly("Role"), "rules"), [
		{ apiGroups: [""], resources: ["secrets"], resourceNames: ["claviger-version-key"], verbs: ["get"] },
		{ apiGroups: [""], resources: ["secrets"], verbs: ["create"] },
	]);
	const account = { kind: "ServiceAccount", name: at(pod, "serviceAccountName"), namespace: theOnly("DaemonSet").metadata.namespace };
	for (const binding of [...ofKind("RoleBinding"), ...ofKind("ClusterRoleBinding")]) t.deepEqual(at(binding, "subjects"), [account]);
	t.true(listAt(container, "args").includes(`--version-key-secret=${account.namespace}/claviger-version-key`));
});

test("the policy is one that the provider reads, and strict", async (t) => {
	const policy = parsePolicy(String(at(theOnly("ConfigMap"), "data", "policy.yaml")), []);
	t.is(policy.profile, "strict");
	t.true(policy.endpoints.every(({ exact, skipTlsVerify }) => exact && !skipTlsVerify));
	const providers = listAt(container, "args").flatMap((flag) => /^--providers=(.+)$/.exec(String(flag))?.[1]?.split(",") ?? []);
	t.true(providers.length > 0);
	await t.notThrowsAsync(Dialects.open(new StoreRegistry(stores), policy, providers));
});
