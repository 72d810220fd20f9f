import { isDeepStrictEqual } from "node:util";
import test from "ava";
import pLimit from "p-limit";
import { chartFolder, render, runHelm, type Values } from "./helm.ts";
import { at, type Manifest, parseManifests } from "./read-manifests.ts";
import { renderings } from "./renderings.ts";
import { weaknesses } from "./weaknesses.ts";

async function refusal(values: Values): Promise<string> {
	const { succeeded, problems } = await runHelm(["template", "claviger", chartFolder], values);
	return succeeded ? "it was rendered" : problems;
}

for (const [values, message] of [
	[{ privileged: true }, /additional properties 'privileged' not allowed/],
	[{ securityContext: { privileged: true } }, /additional properties 'securityContext' not allowed/],
	[{ hostNetwork: true }, /additional properties 'hostNetwork' not allowed/],
	[{ runAs: "Root" }, /\/runAs.*'root', 'nonRoot'/],
	[{ providers: [] }, /\/providers.*minItems/],
	[{ providers: ["vault", "../x"] }, /\/providers\/1/],
	[{ socketDirectory: "/" }, /\/socketDirectory/],
	[{ socketDirectory: "/etc" }, /\/socketDirectory/],
	[{ socketDirectory: "/var/../secrets-store" }, /\/socketDirectory/],
	[{ image: { digest: "sha256:1234" } }, /\/image\/digest/],
	[{ image: { digest: "" } }, /image\.digest is empty.*pullPolicy=Never/],
	[{ image: { tag: "latest@sha256" } }, /\/image\/tag/],
	[{ settings: { pollInterval: "60" } }, /\/settings\/pollInterval/],
	[{ settings: { maxStale: "1h30m" } }, /\/settings\/maxStale/],
	[{ settings: { fetchConcurrency: 0 } }, /\/settings\/fetchConcurrency.*minimum/],
	[{ settings: { cacheBytes: "16Mi" } }, /\/settings\/cacheBytes.*want integer/],
	[{ settings: { pollIntervall: "60s" } }, /additional properties 'pollIntervall' not allowed/],
	[{ state: { sizeLimit: "16 Mi" } }, /\/state\/sizeLimit/],
	[{ state: { enabled: false, keepValues: true } }, /state\.keepValues needs state\.enabled/],
	[{ resources: { limits: null } }, /\/resources.*missing property 'limits'/],
	[{ resources: { limits: { memory: null } } }, /\/resources\/limits.*missing property 'memory'/],
	[{ resources: { requests: { cpu: "many" } } }, /\/resources\/requests\/cpu/],
	[{ terminationGracePeriodSeconds: 20 }, /terminationGracePeriodSeconds is 20, and settings\.drainSeconds 20/],
	[{ serviceAccount: { create: false } }, /set serviceAccount\.name/],
	[{ versionKey: { secretName: "a", existingSecret: "b" } }, /Set one of them/],
	[{ startupTaint: { key: 'x" || true || "' } }, /\/startupTaint\/key/],
	[{ policy: { content: { profile: "lax" } } }, /\/policy\/content\/profile/],
	[{ policy: { content: { endpoint: [] } } }, /additional properties 'endpoint' not allowed/],
	[{ seLinuxOptions: { user: "root" } }, /additional properties 'user' not allowed/],
	[{ extraVolumes: [{ name: "root", hostPath: { path: "/" } }] }, /additional properties 'hostPath' not allowed/],
	[{ extraVolumes: [{ name: "sockets", emptyDir: {} }] }, /the name sockets is the chart's own/],
	[{ extraVolumeMounts: [{ name: "x", mountPath: "/x", mountPropagation: "Bidirectional" }] }, /'mountPropagation' not allowed/],
	[{ extraEnv: [{ name: "CLAVIGER_AUDIT", value: "off" }] }, /CLAVIGER_AUDIT is refused/],
	[{ extraEnv: [{ name: "NODE_OPTIONS", value: "--inspect" }] }, /NODE_OPTIONS is refused/],
	[{ podAnnotations: { "container.apparmor.security.beta.kubernetes.io/provider": "unconfined" } }, /AppArmor/],
	[{ commonLabels: { "app.kubernetes.io/name": "other" } }, /app\.kubernetes\.io\/name is the chart's own/],
	[{ podLabels: { "app.kubernetes.io/instance": "other" } }, /app\.kubernetes\.io\/instance is the chart's own/],
] as const) {
	test(`${JSON.stringify(values)} is refused, and the message says where`, async (t) => {
		t.regex(await refusal(values), message);
	});
}

/** What breaks out of a quoted text, a block of text and a template. */
const hostile = [
	'x"\n          securityContext: {privileged: true}\n',
	"x\r          hostNetwork: true # {{ fail }}",
	"x\u0085          hostPID: true",
];

test("no text among the values adds a line to the manifests", async (t) => {
	const limit = pLimit(4);
	const tries = Object.values(renderings).flatMap((values) =>
		textsIn(values).flatMap((path) => hostile.map((text) => limit(() => breaksOut(values, path, text)))),
	);
	const results = await Promise.all(tries);
	t.true(results.includes("kept inside"), "the policy, labels and variables take any text");
	t.deepEqual(
		results.filter((result) => result !== "refused" && result !== "kept inside"),
		[],
	);
});

/** Renders with a text of the values replaced, and tells what became of it. */
async function breaksOut(values: Values, path: readonly string[], text: string): Promise<string> {
	const { succeeded, output } = await runHelm(["template", "claviger", chartFolder], replaced(values, path, text));
	if (!succeeded) return "refused";
	// A line ends here for the API server's parser, and not for the one below.
	if (/[\r\u0085\u2028\u2029]/.test(output)) return `${path.join(".")} lets an end of a line through`;
	const manifests = parseManifests(output, path.join("."));
	const plain = parseManifests((await runHelm(["template", "claviger", chartFolder], replaced(values, path, "plain"))).output, "plain");
	const same = weaknesses(manifests).length === 0 && isDeepStrictEqual(keysOf(manifests), keysOf(plain));
	return same ? "kept inside" : `${path.join(".")} breaks out by ${JSON.stringify(text)}`;
}

/** The paths of all texts. */
function textsIn(node: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
	if (typeof node === "string") return [path];
	return typeof node === "object" && node !== null ? Object.entries(node).flatMap(([key, value]) => textsIn(value, [...path, key])) : [];
}

function replaced(values: Values, path: readonly string[], text: string): Values {
	const copy = structuredClone(values);
	Reflect.set(Object(at(copy, ...path.slice(0, -1))), path.at(-1) ?? "", text);
	return copy;
}

/** All keys of the manifests, wherever they are. */
function keysOf(node: unknown): readonly string[] {
	if (typeof node !== "object" || node === null) return [];
	return Object.entries(node).flatMap(([key, value]) => [key, ...keysOf(value)]);
}

type Change = (object: Manifest, container: Record<string, unknown>, pod: Record<string, unknown>) => void;

function record(value: unknown): Record<string, unknown> {
	return value as Record<string, unknown>;
}

const changes: readonly (readonly [string, Change])[] = [
	["no hostNetwork", (_, __, pod) => Object.assign(pod, { hostNetwork: true })],
	["no hostPID", (_, __, pod) => Object.assign(pod, { hostPID: true })],
	["no sysctls", (_, __, pod) => Object.assign(record(pod["securityContext"]), { sysctls: [] })],
	["not privileged", (_, container) => Object.assign(record(container["securityContext"]), { privileged: true })],
	["no privilege escalation", (_, container) => delete record(container["securityContext"])["allowPrivilegeEscalation"]],
	["read-only root file system", (_, container) => Object.assign(record(container["securityContext"]), { readOnlyRootFilesystem: false })],
	[
		"no capability",
		(_, container) => Object.assign(record(container["securityContext"]), { capabilities: { drop: ["ALL"], add: ["CHOWN"] } }),
	],
	[
		"no seccomp profile of the container's own",
		(_, container) => Object.assign(record(container["securityContext"]), { seccompProfile: { type: "Unconfined" } }),
	],
	["default seccomp profile", (_, __, pod) => delete pod["securityContext"]],
	[
		"no change of AppArmor",
		(_, container) => Object.assign(record(container["securityContext"]), { appArmorProfile: { type: "Unconfined" } }),
	],
	["one hostPath: the socket directory", (_, __, pod) => (pod["volumes"] as unknown[]).push({ name: "x", hostPath: { path: "/etc" } })],
	["no port of the node", (_, container) => Object.assign(record((container["ports"] as unknown[])[0]), { hostPort: 8085 })],
	["memory is limited", (_, container) => delete record(container["resources"])["limits"]],
	[
		"the image is one, by its digest or loaded by hand",
		(_, container) => Object.assign(container, { image: "registry.example/claviger:1" }),
	],
	[
		"nothing is mounted back into the node",
		(_, container) => Object.assign(record((container["volumeMounts"] as unknown[])[0]), { mountPropagation: "Bidirectional" }),
	],
];

for (const [rule, change] of changes) {
	test(`the check of the pod finds a breach of "${rule}"`, async (t) => {
		const manifests = structuredClone(await render());
		const daemonSet = manifests.find(({ kind }) => kind === "DaemonSet");
		if (daemonSet === undefined) return t.fail();
		const pod = record(at(daemonSet, "spec", "template", "spec"));
		change(daemonSet, record(at(pod, "containers", 0)), pod);
		t.true(weaknesses(manifests).some((found) => found.startsWith(`${rule}:`)));
	});
}

const role = (rules: object, kind = "ClusterRole") => ({
	apiVersion: "rbac.authorization.k8s.io/v1",
	kind,
	metadata: { name: "more" },
	rules: [rules],
});

for (const [rule, added] of [
	["no wildcard", role({ apiGroups: ["*"], resources: ["pods"], verbs: ["get"] })],
	["no wildcard", role({ apiGroups: [""], resources: ["pods/*"], verbs: ["get"] })],
	["no Secrets of the cluster", role({ apiGroups: [""], resources: ["secrets"], verbs: ["get"] })],
	["Secrets are read by name", role({ apiGroups: [""], resources: ["secrets"], verbs: ["list"] }, "Role")],
	["Secrets are read by name", role({ apiGroups: [""], resources: ["secrets"], resourceNames: ["x"], verbs: ["get", "update"] }, "Role")],
	["no making of tokens", role({ apiGroups: [""], resources: ["serviceaccounts/token"], verbs: ["create"] })],
	["pods and nodes are changed behind a fence only", role({ apiGroups: [""], resources: ["pods"], verbs: ["patch"] })],
	["pods and nodes are changed behind a fence only", role({ apiGroups: [""], resources: ["nodes"], verbs: ["patch"] })],
	["pods and nodes are changed behind a fence only", role({ apiGroups: [""], resources: ["pods/exec"], verbs: ["create"] })],
	["nothing else is changed", role({ apiGroups: ["apps"], resources: ["daemonsets"], verbs: ["patch"] })],
	[
		"only roles of the set are bound, to its account",
		{
			apiVersion: "rbac.authorization.k8s.io/v1",
			kind: "ClusterRoleBinding",
			metadata: { name: "more" },
			roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
			subjects: [{ kind: "ServiceAccount", name: "claviger", namespace: "claviger-system" }],
		},
	],
] as const) {
	test(`the check of the rights finds ${JSON.stringify("rules" in added ? added.rules : added.roleRef)}`, async (t) => {
		t.true(weaknesses([...(await render()), added]).some((found) => found.startsWith(`${rule}:`)));
	});
}

test("a fence that only warns is no fence", async (t) => {
	const manifests = structuredClone(await render({ push: { enabled: true } }));
	const binding = manifests.find(({ kind }) => kind === "ValidatingAdmissionPolicyBinding");
	Object.assign(record(at(binding, "spec")), { validationActions: ["Warn"] });
	t.true(weaknesses(manifests).some((found) => found.startsWith("pods and nodes")));
});
