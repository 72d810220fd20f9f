import { at, listAt, type Manifest } from "./read-manifests.ts";

/** A rule that a set of manifests must keep; `broken` tells where it does not. */
interface Rule {
	readonly name: string;
	broken(manifests: readonly Manifest[]): readonly unknown[];
}

/** What the objects of a kind are broken at. */
function inEach(kind: RegExp, look: (object: Manifest) => readonly unknown[]): Rule["broken"] {
	return (manifests) => manifests.filter((object) => kind.test(object.kind)).flatMap(look);
}

/** Looks at the pods of DaemonSets, and so on. */
function inPods(look: (pod: unknown) => readonly unknown[]): Rule["broken"] {
	return inEach(/^(DaemonSet|Deployment|StatefulSet|Job)$/, (object) => look(at(object, "spec", "template", "spec")));
}

const allContainers = (pod: unknown) => ["containers", "initContainers", "ephemeralContainers"].flatMap((field) => listAt(pod, field));

function inContainers(look: (container: unknown) => readonly unknown[]): Rule["broken"] {
	return inPods((pod) => allContainers(pod).flatMap(look));
}

/** A container breaks a rule when a field of it is something else than it must be. */
function mustBe(value: unknown, ...path: readonly string[]): Rule["broken"] {
	return inContainers((container) => (at(container, ...path) === value ? [] : [at(container, ...path) ?? "missing"]));
}

function mustBeAbsent(...path: readonly string[]): Rule["broken"] {
	return inPods((pod) => (at(pod, ...path) === undefined ? [] : [at(pod, ...path)]));
}

const security = "securityContext";
const pinned = /@sha256:[0-9a-f]{64}$/;
const socketDirectory = /\/[\w-]*secrets-store[\w-]*$/;

/** Of the pod: the baseline of the Pod Security Standards and more, save the one hostPath. */
const podRules: readonly Rule[] = [
	...["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"].map((field) => ({
		name: `no ${field}`,
		broken: mustBeAbsent(field),
	})),
	{ name: "no sysctls", broken: mustBeAbsent(security, "sysctls") },
	{ name: "not privileged", broken: mustBe(false, security, "privileged") },
	{ name: "no privilege escalation", broken: mustBe(false, security, "allowPrivilegeEscalation") },
	{ name: "read-only root file system", broken: mustBe(true, security, "readOnlyRootFilesystem") },
	{ name: "default proc mount", broken: mustBe(undefined, security, "procMount") },
	{ name: "no seccomp profile of the container's own", broken: mustBe(undefined, security, "seccompProfile") },
	{
		name: "no capability",
		broken: inContainers((container) => {
			const capabilities = at(container, security, "capabilities");
			return JSON.stringify(capabilities) === '{"drop":["ALL"]}' ? [] : [capabilities ?? "missing"];
		}),
	},
	{
		name: "default seccomp profile",
		broken: inPods((pod) => (at(pod, security, "seccompProfile", "type") === "RuntimeDefault" ? [] : [at(pod, security)])),
	},
	{
		name: "no change of AppArmor",
		broken: inEach(/^DaemonSet$/, (object) => {
			const annotations = Object.keys(Object(at(object, "spec", "template", "metadata", "annotations"))).filter((key) =>
				key.includes("apparmor"),
			);
			const pod = at(object, "spec", "template", "spec");
			return [...annotations, ...[pod, ...allContainers(pod)].flatMap((part) => at(part, security, "appArmorProfile") ?? [])];
		}),
	},
	{
		name: "one hostPath: the socket directory",
		broken: inPods((pod) => {
			const paths = listAt(pod, "volumes").flatMap((volume) => at(volume, "hostPath", "path") ?? []);
			return paths.length === 1 && socketDirectory.test(String(paths[0])) ? [] : [paths];
		}),
	},
	{
		name: "no port of the node",
		broken: inContainers((container) => listAt(container, "ports").filter((port) => at(port, "hostPort") !== undefined)),
	},
	{
		name: "memory is limited",
		broken: inContainers((container) => (at(container, "resources", "limits", "memory") === undefined ? ["no limit"] : [])),
	},
	{
		name: "the image is one, by its digest or loaded by hand",
		broken: inContainers((container) =>
			pinned.test(String(at(container, "image"))) || at(container, "imagePullPolicy") === "Never" ? [] : [at(container, "image")],
		),
	},
	{
		name: "nothing is mounted back into the node",
		broken: inContainers((container) => listAt(container, "volumeMounts").filter((mount) => at(mount, "mountPropagation") !== undefined)),
	},
];

interface Right {
	readonly role: string;
	readonly groups: readonly unknown[];
	readonly resources: readonly unknown[];
	readonly names: readonly unknown[];
	readonly verbs: readonly unknown[];
	readonly clusterWide: boolean;
}

function rights(manifests: readonly Manifest[]): readonly Right[] {
	return manifests
		.filter(({ kind }) => kind === "Role" || kind === "ClusterRole")
		.flatMap((role) =>
			listAt(role, "rules").map((rule) => ({
				role: role.metadata.name,
				groups: listAt(rule, "apiGroups"),
				resources: listAt(rule, "resources"),
				names: listAt(rule, "resourceNames"),
				verbs: listAt(rule, "verbs"),
				clusterWide: role.kind === "ClusterRole",
			})),
		);
}

function noRight(bad: (right: Right, manifests: readonly Manifest[]) => boolean): Rule["broken"] {
	return (manifests) => rights(manifests).filter((right) => bad(right, manifests));
}

/** Whether a ValidatingAdmissionPolicy in force fences the provider's calls about a resource. */
function isFenced(resource: string, manifests: readonly Manifest[]): boolean {
	return manifests.some((policy) => {
		if (policy.kind !== "ValidatingAdmissionPolicy" || at(policy, "spec", "failurePolicy") !== "Fail") return false;
		const resources = listAt(policy, "spec", "matchConstraints", "resourceRules").flatMap((rule) => listAt(rule, "resources"));
		const bound = manifests.some(
			(binding) =>
				binding.kind === "ValidatingAdmissionPolicyBinding" &&
				at(binding, "spec", "policyName") === policy.metadata.name &&
				listAt(binding, "spec", "validationActions").includes("Deny"),
		);
		return bound && resources.includes(resource) && resources.includes(`${resource}/*`);
	});
}

const changing = ["patch", "update", "create", "delete", "deletecollection", "escalate", "bind", "impersonate"];
/** Kubernetes' own roles that may be bound. */
const knownRoles = ["system:service-account-issuer-discovery"];

/** Of the rights: the least. */
const rightsRules: readonly Rule[] = [
	{
		name: "no wildcard",
		broken: noRight(({ groups, resources, verbs }) => [...groups, ...resources, ...verbs].some((word) => String(word).includes("*"))),
	},
	{ name: "no Secrets of the cluster", broken: noRight(({ clusterWide, resources }) => clusterWide && resources.includes("secrets")) },
	{
		name: "Secrets are read by name",
		broken: noRight(
			({ resources, verbs, names }) =>
				resources.includes("secrets") && (names.length === 0 ? String(verbs) !== "create" : String(verbs) !== "get"),
		),
	},
	{
		name: "no making of tokens",
		broken: noRight(({ resources, verbs }) =>
			resources.some(
				(resource) => /\/token$/.test(String(resource)) || (/serviceaccounts/.test(String(resource)) && String(verbs) !== "get"),
			),
		),
	},
	{
		name: "pods and nodes are changed behind a fence only",
		broken: noRight(({ resources, verbs }, manifests) =>
			resources.some(
				(resource) =>
					/^(pods|nodes)(\/|$)/.test(String(resource)) &&
					verbs.some((verb) => changing.includes(String(verb))) &&
					!(String(verbs).endsWith("patch") && isFenced(String(resource), manifests)),
			),
		),
	},
	{
		name: "nothing else is changed",
		broken: noRight(
			({ resources, verbs }) =>
				verbs.some((verb) => changing.includes(String(verb))) && !/^(secrets|pods|nodes|events|tokenreviews)$/.test(String(resources)),
		),
	},
	{
		name: "only roles of the set are bound, to its account",
		broken: (manifests) => {
			const own = manifests.filter(({ kind }) => kind.endsWith("Role")).map(({ metadata }) => metadata.name);
			const account = manifests.flatMap((object) => at(object, "spec", "template", "spec", "serviceAccountName") ?? []);
			return manifests
				.filter(({ kind }) => kind.endsWith("RoleBinding"))
				.filter((binding) => {
					const role = String(at(binding, "roleRef", "name"));
					const subjects = listAt(binding, "subjects");
					return (
						!(own.includes(role) || knownRoles.includes(role)) ||
						subjects.length !== 1 ||
						at(subjects[0], "kind") !== "ServiceAccount" ||
						!account.some((name) => name === at(subjects[0], "name"))
					);
				});
		},
	},
];

/** Which rules of the hardened pod and of the least rights a set of manifests breaks, with what breaks them. */
export function weaknesses(manifests: readonly Manifest[]): readonly string[] {
	return [...podRules, ...rightsRules].flatMap(({ name, broken }) => broken(manifests).map((what) => `${name}: ${JSON.stringify(what)}`));
}
