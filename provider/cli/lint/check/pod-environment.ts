import { quote } from "../../../plan/fields.ts";
import type { ObjectFindings } from "../findings.ts";
import { classesIn, type Inventory, type PodEntry } from "../inventory.ts";
import type { ManifestNode } from "../read/manifest-node.ts";
import { containersOf } from "./pod-containers.ts";
import { suggestion } from "./unknown-fields.ts";

/** A Secret that the driver makes once a pod mounts a class. */
interface SyncedSecret {
	readonly className: string;
	readonly keys: readonly string[];
}

/** Environment variables from synced Secrets: those are made by a mount, and only then are there. */
export function checkPodEnvironment(findings: ObjectFindings, pod: PodEntry, inventory: Inventory): void {
	const synced = syncedSecrets(inventory, findings.object.namespace);
	const containers = containersOf(pod);
	const mounts = new Set(containers.flatMap((container) => container.itemsAt("volumeMounts")).map((mount) => mount.textAt("name")));
	const mounted = new Set(pod.volumes.filter(({ name }) => mounts.has(name)).map(({ className }) => className));
	for (const { ref, hasKey } of containers.flatMap(secretRefs)) {
		const secret = synced.get(ref.textAt("name") ?? "");
		if (secret === undefined) continue;
		noteOrder(findings, ref, secret, mounted);
		const key = hasKey ? ref.at("key") : undefined;
		if (key?.text === undefined || secret.keys.includes(key.text)) continue;
		const cause = `is ${quote(key.text)}, a key that the class ${quote(secret.className)} does not put into the Secret`;
		findings.at(key, { rule: "env-secret-key", cause, remedy: suggestion(key.text, secret.keys) });
	}
}

function noteOrder(
	findings: ObjectFindings,
	ref: ManifestNode,
	{ className }: SyncedSecret,
	mounted: ReadonlySet<string | undefined>,
): void {
	const name = ref.at("name");
	if (!mounted.has(className)) {
		const cause = `is a Secret that exists only while a pod mounts the class ${quote(className)}, and this pod does not`;
		findings.at(name, {
			rule: "env-secret-order",
			cause,
			remedy: "Add a volume of that class to the pod, mounted by one of its containers.",
		});
	} else if (ref.at("optional")?.boolean === true) {
		const cause = "is optional, so that the container may start before the driver has made the Secret";
		findings.at(ref.at("optional"), { rule: "env-secret-order", cause, remedy: "Remove `optional`; kubelet then waits for the Secret." });
	}
}

function secretRefs(container: ManifestNode): readonly { readonly ref: ManifestNode; readonly hasKey: boolean }[] {
	const single = container.itemsAt("env").flatMap((entry) => entry.at("valueFrom", "secretKeyRef") ?? []);
	const whole = container.itemsAt("envFrom").flatMap((entry) => entry.at("secretRef") ?? []);
	return [...single.map((ref) => ({ ref, hasKey: true })), ...whole.map((ref) => ({ ref, hasKey: false }))];
}

function syncedSecrets(inventory: Inventory, namespace: string): ReadonlyMap<string, SyncedSecret> {
	const secrets = new Map<string, SyncedSecret>();
	for (const [className, { object }] of classesIn(inventory, namespace)) {
		for (const entry of object.root.itemsAt("spec", "secretObjects")) {
			const keys = entry.itemsAt("data").flatMap((item) => item.textAt("key") ?? []);
			secrets.set(entry.textAt("secretName") ?? "", { className, keys });
		}
	}
	return secrets;
}
