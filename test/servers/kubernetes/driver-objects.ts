import type { Cluster } from "./cluster.ts";

const driverGroup = "secrets-store.csi.x-k8s.io";
export const driverAccount = { namespace: "kube-system", name: "secrets-store-csi-driver" } as const;

const texts = { type: "object", additionalProperties: { type: "string" } } as const;
const text = { type: "string" } as const;

/** Makes what an installation of the driver makes: its two kinds, its account and rights, and its CSIDriver object. */
export async function installDriverObjects(cluster: Cluster, audiences: readonly string[]): Promise<void> {
	const post = async (path: string, object: object) => {
		const { status, body } = await cluster.request("POST", path, object);
		if (status !== 201) throw new Error(`POST ${path} was answered ${status}: ${JSON.stringify(body)}`);
	};
	for (const kind of [secretProviderClass, podStatus]) await post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", kind);
	await cluster.createServiceAccount(driverAccount.namespace, driverAccount.name);
	await post("/apis/rbac.authorization.k8s.io/v1/clusterroles", role);
	await post("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
		metadata: { name: driverAccount.name },
		roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: driverAccount.name },
		subjects: [{ kind: "ServiceAccount", ...driverAccount }],
	});
	await post("/apis/storage.k8s.io/v1/csidrivers", {
		metadata: { name: "secrets-store.csi.k8s.io" },
		spec: {
			podInfoOnMount: true,
			attachRequired: false,
			requiresRepublish: true,
			volumeLifecycleModes: ["Ephemeral"],
			tokenRequests: audiences.map((audience) => ({ audience })),
		},
	});
}

const role = {
	metadata: { name: driverAccount.name },
	rules: [
		{ apiGroups: [""], resources: ["events"], verbs: ["create", "patch"] },
		{ apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"] },
		{ apiGroups: [driverGroup], resources: ["secretproviderclasses"], verbs: ["get", "list", "watch"] },
		{ apiGroups: [driverGroup], resources: ["secretproviderclasspodstatuses"], verbs: ["*"] },
		{ apiGroups: [""], resources: ["secrets"], verbs: ["create", "delete", "get", "list", "patch", "update", "watch"] },
	],
};

const secretProviderClass = definition("SecretProviderClass", "secretproviderclasses", {
	spec: {
		type: "object",
		properties: {
			provider: text,
			parameters: texts,
			secretObjects: list({
				secretName: text,
				type: text,
				labels: texts,
				annotations: texts,
				data: list({ objectName: text, key: text }),
			}),
		},
	},
});

const podStatus = definition("SecretProviderClassPodStatus", "secretproviderclasspodstatuses", {
	status: {
		type: "object",
		properties: {
			mounted: { type: "boolean" },
			podName: text,
			secretProviderClassName: text,
			targetPath: text,
			objects: list({ id: text, version: text }),
		},
	},
});

function list(properties: object): object {
	return { type: "array", items: { type: "object", properties } };
}

function definition(kind: string, plural: string, properties: object): object {
	const schema = { openAPIV3Schema: { type: "object", properties } };
	return {
		metadata: { name: `${plural}.${driverGroup}` },
		spec: {
			group: driverGroup,
			scope: "Namespaced",
			names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
			versions: [{ name: "v1", served: true, storage: true, schema }],
		},
	};
}
