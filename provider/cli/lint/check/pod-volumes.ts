import { quote } from "../../../plan/fields.ts";
import { driverName } from "../../mount/manifests.ts";
import type { ObjectFindings } from "../findings.ts";
import { classesIn, type Inventory, type PodEntry, type PodVolume } from "../inventory.ts";
import type { ManifestNode } from "../read/manifest-node.ts";
import { rejectNonTexts } from "./class-shape.ts";
import { rejectUnknownFields, suggestion } from "./unknown-fields.ts";

const csiFields = ["driver", "readOnly", "fsType", "volumeAttributes", "nodePublishSecretRef"];
const classAttribute = "secretProviderClass";
const kubeletPrefix = "csi.storage.k8s.io/";
const usedLabel = "secrets-store.csi.k8s.io/used";

/** What a pod says of its volumes. Source: secrets-store-csi-driver v1.6.0, NodePublishVolume. */
export function checkPodVolumes(findings: ObjectFindings, pod: PodEntry, inventory: Inventory): void {
	for (const volume of pod.volumes) {
		const csi = volume.node.at("csi");
		checkDriver(findings, csi);
		rejectUnknownFields(csi, csiFields, findings);
		rejectNonTexts(volume.attributes?.entries.values() ?? [], findings);
		noteReserved(findings, volume.attributes);
		checkClass(findings, volume, inventory);
		checkPublishSecret(findings, csi?.at("nodePublishSecretRef"), inventory);
	}
}

function checkDriver(findings: ObjectFindings, csi: ManifestNode | undefined): void {
	const driver = csi?.at("driver");
	if (driver?.scalar !== driverName) {
		const cause = driver === undefined ? "is missing" : `is ${quote(driver.scalar ?? "")}, which no driver registers`;
		findings.at(driver ?? csi, { rule: "driver-name", cause, remedy: `Write ${driverName}.`, path: `${csi?.path}.driver` });
	}
	if (csi?.at("readOnly")?.boolean === true) return;
	const readOnly = csi?.at("readOnly");
	const cause = readOnly === undefined ? "is missing" : "is not true";
	const remedy = "Write `readOnly: true`; the driver mounts nothing else.";
	findings.at(readOnly ?? csi, { rule: "volume-read-only", cause, remedy, path: `${csi?.path}.readOnly` });
}

function noteReserved(findings: ObjectFindings, attributes: ManifestNode | undefined): void {
	for (const [key, node] of attributes?.entries ?? []) {
		if (!key.startsWith(kubeletPrefix)) continue;
		const cause = "is an attribute that kubelet sets and a pod's author cannot";
		findings.at(node, { rule: "attribute-reserved", cause, remedy: "Remove it; it has no effect." });
	}
}

function checkClass(findings: ObjectFindings, { node, attributes, className }: PodVolume, inventory: Inventory): void {
	const place = attributes?.at(classAttribute) ?? attributes ?? node.at("csi");
	const path = `${node.path}.csi.volumeAttributes.${classAttribute}`;
	if (className === undefined || className === "") {
		// A name that is no string has its fault already.
		if (attributes?.at(classAttribute)?.scalar) return;
		const others = [...(attributes?.entries.keys() ?? [])].filter((key) => /class/i.test(key)).map(quote);
		const remedy = others.length === 0 ? "Name the SecretProviderClass." : `Call it ${classAttribute}, not ${others.join(", ")}.`;
		findings.at(place, { rule: "class-not-named", cause: "is missing", remedy, path });
		return;
	}
	const known = classesIn(inventory, findings.object.namespace);
	if (known.has(className)) return;
	const elsewhere = elsewhereText(inventory, className);
	if (known.size > 0) {
		const cause = `is ${quote(className)}, a class that its namespace does not have`;
		findings.at(place, { rule: "unknown-class", cause, remedy: `${suggestion(className, [...known.keys()])}${elsewhere}`, path });
	} else {
		const cause = `is ${quote(className)}, a class that is not among these manifests`;
		const remedy = `Give its manifest too, so that both are looked at together.${elsewhere}`;
		findings.at(place, { rule: "class-elsewhere", cause, remedy, path });
	}
}

function elsewhereText(inventory: Inventory, className: string): string {
	const object = inventory.classes.find((entry) => entry.object.name === className)?.object;
	if (object === undefined) return "";
	const where = object.namespace === "" ? "without a namespace" : `in the namespace ${quote(object.namespace)}`;
	return ` There is one ${where}; a pod mounts those of its own namespace only.`;
}

function checkPublishSecret(findings: ObjectFindings, ref: ManifestNode | undefined, inventory: Inventory): void {
	const name = ref?.at("name");
	if (name?.text === undefined) return;
	const secrets = inventory.secrets.filter(({ namespace }) => namespace === findings.object.namespace);
	const secret = secrets.find((candidate) => candidate.name === name.text);
	if (secret !== undefined && secret.root.textAt("metadata", "labels", usedLabel) !== "true") {
		const cause = `names the Secret ${quote(name.text)}, which lacks the label ${usedLabel}`;
		const remedy = `Label it ${usedLabel}: "true"; drivers before 1.6 pass over others when they rotate.`;
		findings.at(name, { rule: "publish-secret-unlabelled", cause, remedy });
	} else if (secret === undefined && secrets.length > 0) {
		const cause = `names the Secret ${quote(name.text)}, which is not among those of its namespace here`;
		const names = secrets.map((each) => each.name);
		const remedy = `${suggestion(name.text, names)} Without it kubelet does not start the pod.`;
		findings.at(name, { rule: "publish-secret-missing", cause, remedy });
	}
}
