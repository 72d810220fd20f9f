import { type Fields, quote } from "../../plan/fields.ts";
import type { MountRequest } from "../../plan/mount-request.ts";
import type { Ref } from "../store.ts";
import type { KubernetesInstance } from "./instance.ts";
import { isNamespace, isSecretName } from "./names.ts";

/** One Secret, with all its keys: refs of one Secret are one ref, whichever key each wants. */
export interface KubernetesRef extends Ref {
	readonly namespace: string;
	readonly secret: string;
}

/** Reads where an object lies: `secret`, or `path` as other stores call it, and `namespace`. The key is selected like that of any other store. */
export function readRef(fields: Fields, instance: KubernetesInstance, { pod }: Pick<MountRequest, "pod">): KubernetesRef {
	const field = fields.has("path") && !fields.has("secret") ? "path" : "secret";
	const secret = fields.required(field, "Write the Secret's name.");
	if (secret !== "" && !isSecretName(secret))
		fields.reject(
			field,
			`is ${quote(secret)}, which no Secret can be called`,
			"Write its name alone; which of its keys is wanted, `key` says.",
		);
	if (field === "secret" && fields.has("path")) fields.reject("path", "stands beside secret", "Keep one of the two.");
	const namespace = fields.text("namespace") ?? pod.namespace;
	checkNamespace(fields, instance, pod.namespace, namespace);
	return { key: JSON.stringify([namespace, secret]), namespace, secret };
}

type Opened = Pick<KubernetesInstance, "name"> & Partial<Pick<KubernetesInstance, "namespaces">>;

/**
 * Rights alone do not open another namespace: whoever gives a right there need not think of pods here. What an
 * administrator's store opens is not known where its policy is not, as in a lint of the class alone.
 */
function checkNamespace(fields: Fields, { name, namespaces }: Opened, own: string, namespace: string): void {
	if (!isNamespace(namespace)) {
		fields.reject("namespace", `is ${quote(namespace)}, which is no namespace`, "Write the name of a namespace, or leave it out.");
	} else if (namespace !== own && namespaces?.includes(namespace) === false) {
		const remedy = `Leave it out, or ask the administrator to list it in the policy file under stores.${name}.namespaces.`;
		fields.reject("namespace", `is ${quote(namespace)}, and the pod is in ${own}: policy opens no other namespace here`, remedy);
	}
}
