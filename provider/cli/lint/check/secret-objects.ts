import { quote } from "../../../plan/fields.ts";
import type { FileRecipe, MountPlan, PlannedObject } from "../../../plan/mount-plan.ts";
import type { ObjectFindings } from "../findings.ts";
import type { ClassEntry } from "../inventory.ts";
import type { ManifestNode } from "../read/manifest-node.ts";
import type { ManifestObject } from "../read/objects.ts";
import { suggestion } from "./unknown-fields.ts";

const tlsType = "kubernetes.io/tls";
const tlsKeys = ["tls.crt", "tls.key"];

/**
 * The Secrets that the driver makes of a class's files.
 * Source: the driver's sync, secrets-store-csi-driver v1.6.0, pkg/secretsync and its validation.
 */
export function checkSecretObjects(findings: ObjectFindings, plan: MountPlan | undefined): void {
	const names = new Set<string>();
	for (const entry of findings.object.root.itemsAt("spec", "secretObjects")) {
		for (const field of ["secretName", "type"]) requireText(findings, entry, field);
		if (entry.itemsAt("data").length === 0) {
			const remedy = "List {objectName: FILE, key: KEY} for each key of the Secret.";
			findings.at(entry.at("data") ?? entry, {
				rule: "secret-object-incomplete",
				cause: "is missing or lists nothing",
				remedy,
				path: `${entry.path}.data`,
			});
		}
		rejectRepeated(findings, entry.at("secretName"), names, "the secretName of another entry");
		checkData(findings, entry, plan);
	}
}

/** Two classes of a namespace that sync one Secret overwrite each other's keys at every pod's start. */
export function checkSecretConflicts(entries: readonly ClassEntry[], findingsOf: (object: ManifestObject) => ObjectFindings): void {
	const owners = new Map<string, ManifestObject>();
	for (const { object } of entries) {
		for (const node of object.root.itemsAt("spec", "secretObjects").flatMap((entry) => entry.at("secretName") ?? [])) {
			const key = JSON.stringify([object.namespace, node.scalar]);
			const owner = owners.get(key);
			if (owner === undefined) owners.set(key, object);
			if (owner === undefined || owner === object) continue;
			const cause = `is ${quote(node.scalar ?? "")}, which the class ${quote(owner.name)} makes too: the last pod to start decides its keys`;
			findingsOf(object).at(node, { rule: "secret-object-conflict", cause, remedy: "Give each class a Secret of its own." });
		}
	}
}

function checkData(findings: ObjectFindings, entry: ManifestNode, plan: MountPlan | undefined): void {
	const keys = new Set<string>();
	for (const item of entry.itemsAt("data")) {
		for (const field of ["objectName", "key"]) requireText(findings, item, field);
		const key = item.at("key");
		rejectRepeated(findings, key, keys, "the key of another entry");
		if (entry.textAt("type") === tlsType && key?.text !== undefined && !tlsKeys.includes(key.text)) {
			const cause = `is ${quote(key.text)}, and a Secret of type ${tlsType} takes tls.crt and tls.key only`;
			findings.at(key, {
				rule: "secret-object-tls-keys",
				cause,
				remedy: "Write tls.crt or tls.key; one file with key and chain serves both.",
			});
		}
		const file = item.at("objectName");
		if (plan !== undefined && file?.text !== undefined && file.text !== "") checkFile(findings, file, file.text, plan);
	}
}

function checkFile(findings: ObjectFindings, node: ManifestNode, file: string, plan: MountPlan): void {
	const recipe = plan.files.find((candidate) => candidate.file?.path === file);
	const named = plan.files.flatMap((candidate) => candidate.file?.path ?? []);
	if (recipe !== undefined) {
		noteVanishing(findings, node, recipe, plan);
	} else if (named.length === plan.files.length) {
		const cause = `is ${quote(file)}, a file that the class does not make`;
		findings.at(node, { rule: "secret-object-file", cause, remedy: `It is the file's path in the volume. ${suggestion(file, named)}` });
	}
}

/** The driver keeps the whole Secret as it was when one of its files is gone, and complains at each sync. */
function noteVanishing(findings: ObjectFindings, node: ManifestNode, recipe: FileRecipe, plan: MountPlan): void {
	const objects = plan.objects.filter(({ name }) => recipe.objects.includes(name));
	const named = `names the file of ${objects.map(({ path, name }) => `${path} ${quote(name)}`).join(" and ")}`;
	const effect = "without it the driver keeps the whole Secret as it was";
	if (objects.every(({ optional }) => optional) && recipe.produce(new Map()).length === 0) {
		const cause = `${named}, which may be absent: ${effect}`;
		findings.at(node, {
			rule: "secret-object-may-vanish",
			cause,
			remedy: "Remove `optional` there, or read the file instead of the Secret.",
		});
	} else if (objects.some(goesWhenRevoked) && objects.every((object) => object.optional || goesWhenRevoked(object))) {
		const cause = `${named}, which goes when the store revokes it: ${effect}`;
		findings.at(node, {
			rule: "secret-object-may-vanish",
			cause,
			remedy: "Write `onRevoked: keep` there, or read the file instead of the Secret.",
		});
	}
}

function goesWhenRevoked({ onRevoked }: PlannedObject): boolean {
	return onRevoked?.kind === "delete" || onRevoked?.kind === "grace";
}

function requireText(findings: ObjectFindings, parent: ManifestNode, field: string): void {
	const node = parent.at(field);
	if (node?.text !== undefined && node.text !== "") return;
	const cause = node === undefined || node.isNothing || node.scalar === "" ? "is missing" : "is not a string";
	findings.at(node ?? parent, {
		rule: "secret-object-incomplete",
		cause,
		remedy: "Write it; the driver makes no Secret without.",
		path: `${parent.path}.${field}`,
	});
}

function rejectRepeated(findings: ObjectFindings, node: ManifestNode | undefined, seen: Set<string>, whose: string): void {
	if (node?.text === undefined) return;
	if (seen.has(node.text)) {
		findings.at(node, {
			rule: "secret-object-duplicate",
			cause: `is ${quote(node.text)}, as is ${whose}`,
			remedy: "Put everything of one Secret into one entry, each key once.",
		});
	}
	seen.add(node.text);
}
