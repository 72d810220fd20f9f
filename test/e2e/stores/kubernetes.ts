import { Objects } from "../../servers/kubernetes/objects.ts";
import type { StoreOffer } from "../store-case.ts";
import { type CaseTraits, token, UsualCase } from "../usual-case.ts";

const name = "kubernetes";
/** Where the Secrets are; the pods' namespaces get at them by the policy and by a role. */
const namespace = "shop-secrets";
const role = { apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", namespace, name: "shop" };

/** Secrets of the cluster itself, read through the provider with the rights of the pods' accounts. */
export const offer: StoreOffer = {
	name,
	providers: [],
	audiences: [""],
	cases: [name],
	async start({ cluster, namespaces }) {
		const objects = new Objects(cluster);
		await objects.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
		await permit(objects, ["app", "token", "stays"]);
		await objects.apply({
			apiVersion: role.apiVersion,
			kind: "RoleBinding",
			metadata: { name: role.name, namespace },
			roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: role.kind, name: role.name },
			subjects: namespaces.map((podNamespace) => ({ kind: "ServiceAccount", namespace: podNamespace, name: "default" })),
		});
		return {
			policy: { stores: { [name]: { type: "kubernetes", namespaces: [namespace], defaultServiceAccounts: namespaces } } },
			cases: new Map([[name, await UsualCase.make(await traits(objects))]]),
			// The API server is called for many a reason.
			calls: () => 0,
			callsForAll: 0,
			stop: async () => {},
		};
	},
};

/** Lets the accounts read these Secrets and no others. */
async function permit(objects: Objects, secrets: readonly string[]): Promise<void> {
	const rules = [{ apiGroups: [""], resources: ["secrets"], verbs: ["get", "watch"], resourceNames: secrets }];
	await objects.apply({ apiVersion: role.apiVersion, kind: role.kind, metadata: { name: role.name, namespace }, rules });
}

const objects = ["app", "token", "stays"].map((secret) => ({ name: secret, store: name, namespace, secret }));
const files = [
	{ path: "password", from: "app", key: "password" },
	{ path: "nested/app", format: "dotenv", values: { DB_USER: "app.user", DB_PASSWORD: "app.password" } },
	{ path: "token", from: "token", key: "value" },
	{ path: "stays", from: "stays", key: "value" },
];

/** The Secret `app` changes, the right to `token` is taken away, `stays` is left alone. */
async function traits(cluster: Objects): Promise<CaseTraits> {
	const parameters = { objects: JSON.stringify(objects), files: JSON.stringify(files) };
	await put(cluster, "token", { value: token });
	await put(cluster, "stays", { value: "unchanged\n" });
	return {
		provider: "claviger",
		parameters: () => parameters,
		onRevoked: "removed",
		refusal: /takes no pods of the service account negative-test-ns\/default/,
		stays: "unchanged\n",
		write: async (password) => {
			await put(cluster, "app", { user: "app", password });
			return `DB_USER=app\nDB_PASSWORD='${password}'\n`;
		},
		revoke: () => permit(cluster, ["app", "stays"]),
		restore: () => permit(cluster, ["app", "token", "stays"]),
	};
}

async function put(cluster: Objects, secret: string, values: Readonly<Record<string, string>>): Promise<void> {
	const data = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString("base64")]));
	await cluster.apply({ apiVersion: "v1", kind: "Secret", metadata: { name: secret, namespace }, data });
}
