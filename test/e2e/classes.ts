import { at, listAt, type Manifest } from "../manifests/read-manifests.ts";
import type { Site } from "./site.ts";
import type { StoreCase } from "./store-case.ts";

export interface ClassOptions {
	readonly namespace: string;
	readonly name: string;
	/** What {@link secretObject} makes. */
	readonly secretObjects?: readonly object[];
}

/** Makes the SecretProviderClass of a case, and returns what is stored. */
export async function createClass(site: Site, storeCase: StoreCase, options: ClassOptions): Promise<unknown> {
	const { namespace, name, secretObjects } = options;
	const { provider } = storeCase;
	const parameters = storeCase.parameters(namespace);
	const spec = { provider, parameters, ...(secretObjects === undefined ? {} : { secretObjects }) };
	const made: Manifest = { apiVersion: "secrets-store.csi.x-k8s.io/v1", kind: "SecretProviderClass", metadata: { name, namespace }, spec };
	return site.objects.create(made);
}

/** An entry of a class's `secretObjects`: a Secret with the keys of the case, a label and an annotation. */
export function secretObject(secretName: string, { sync }: StoreCase): object {
	return {
		secretName,
		type: "Opaque",
		labels: { environment: "test" },
		annotations: { "kubed.appscode.com/sync": "app=test" },
		data: Object.entries(sync).map(([key, objectName]) => ({ objectName, key })),
	};
}

/** A Secret, or undefined when there is none. */
export function findSecret(site: Site, namespace: string, name: string): Promise<unknown> {
	return site.objects.find({ apiVersion: "v1", kind: "Secret", namespace, name });
}

/** The values of a Secret by their keys; none when there is no Secret. */
export async function secretData(site: Site, namespace: string, name: string): Promise<ReadonlyMap<string, string>> {
	const data = at(await findSecret(site, namespace, name), "data");
	const entries = typeof data === "object" && data !== null ? Object.entries(data) : [];
	return new Map(entries.map(([key, value]) => [key, Buffer.from(String(value), "base64").toString()]));
}

/** The kinds of a Secret's owners. */
export async function ownersOfSecret(site: Site, namespace: string, name: string): Promise<readonly unknown[]> {
	return listAt(await findSecret(site, namespace, name), "metadata", "ownerReferences").map((owner) => at(owner, "kind"));
}
