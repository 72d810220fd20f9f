import { quote } from "../../../plan/fields.ts";
import { Findings, ObjectFindings } from "../findings.ts";
import { type ClassEntry, type Inventory, isClass, type PodEntry, readPods } from "../inventory.ts";
import type { Planner } from "../plan/planner.ts";
import { type InputFile, type ManifestObject, namePosition, readObjects } from "../read/objects.ts";
import type { SyntaxFault } from "../read/parse.ts";
import { checkClassParameters } from "./class-parameters.ts";
import { checkClassShape, textsOf } from "./class-shape.ts";
import { checkAudiences, checkDriverObject, isDriverObject } from "./driver-object.ts";
import { checkInlineSecrets } from "./inline-secrets.ts";
import { checkObjects, checkPodObjects } from "./objects.ts";
import { checkPodContainers } from "./pod-containers.ts";
import { checkPodEnvironment } from "./pod-environment.ts";
import { checkPodParameters } from "./pod-parameters.ts";
import { checkPodVolumes } from "./pod-volumes.ts";
import { checkSecretConflicts, checkSecretObjects } from "./secret-objects.ts";

export interface CheckedManifests {
	readonly findings: Findings;
	readonly classes: number;
	/** Pods and pod templates with a volume of the driver. */
	readonly pods: number;
}

/** Looks at all manifests together, and collects every fault. */
export async function checkManifests(files: readonly InputFile[], planner: Planner): Promise<CheckedManifests> {
	const findings = new Findings();
	const read = files.map(readObjects);
	for (const fault of read.flatMap(({ faults }) => faults)) findings.add(syntaxFinding(fault));
	const objects = read.flatMap((file) => file.objects);
	const findingsOf = (object: ManifestObject) => new ObjectFindings(object, findings);
	const classes = await Promise.all(objects.filter(isClass).map((object) => checkClass(findingsOf(object), planner)));
	const inventory: Inventory = {
		classes,
		pods: readPods(objects),
		secrets: objects.filter(({ kind, apiVersion }) => kind === "Secret" && apiVersion === "v1"),
		drivers: objects.filter(isDriverObject),
	};
	rejectDuplicateClasses(classes, findingsOf);
	checkSecretConflicts(classes, findingsOf);
	for (const driver of inventory.drivers) checkDriverObject(findingsOf(driver));
	checkAudiences(inventory, planner.judges, findingsOf);
	for (const pod of inventory.pods) await checkPod(findingsOf(pod.object), pod, inventory, planner);
	return { findings, classes: classes.length, pods: inventory.pods.filter(({ volumes }) => volumes.length > 0).length };
}

async function checkClass(findings: ObjectFindings, planner: Planner): Promise<ClassEntry> {
	const { object } = findings;
	checkClassShape(findings, planner.providers);
	checkInlineSecrets(findings, object.unmasked.at("spec", "parameters"));
	const parameters = textsOf(object.root.at("spec", "parameters"));
	const provider = object.root.at("spec", "provider")?.scalar ?? "";
	const planned =
		parameters.size > 0 && planner.speaks(provider) && planner.providers.includes(provider)
			? await planner.plan(provider, parameters, object.namespace)
			: undefined;
	if (planned !== undefined) {
		checkClassParameters(findings, planned, planner);
		await checkObjects(findings, planned, planner);
	}
	checkSecretObjects(findings, planned?.plan);
	return { object, parameters, planned };
}

async function checkPod(findings: ObjectFindings, pod: PodEntry, inventory: Inventory, planner: Planner): Promise<void> {
	checkPodVolumes(findings, pod, inventory);
	const unmasked = readPods([{ ...pod.object, root: pod.object.unmasked }]).flatMap(({ volumes }) => volumes);
	for (const { attributes } of unmasked) checkInlineSecrets(findings, attributes);
	await checkPodParameters(findings, pod, inventory, planner);
	await checkPodObjects(findings, pod, inventory, planner);
	checkPodContainers(findings, pod, inventory);
	checkPodEnvironment(findings, pod, inventory);
}

function rejectDuplicateClasses(classes: readonly ClassEntry[], findingsOf: (object: ManifestObject) => ObjectFindings): void {
	const seen = new Map<string, ManifestObject>();
	for (const { object } of classes) {
		const key = JSON.stringify([object.namespace, object.name]);
		const first = seen.get(key);
		if (first === undefined) {
			seen.set(key, object);
			continue;
		}
		const { file, line } = namePosition(first);
		const cause = `is ${quote(object.name)}, as is that of the class at ${file}:${line}`;
		findingsOf(object).at(object.root.at("metadata", "name"), {
			rule: "duplicate-class",
			cause,
			remedy: "Name each class of a namespace once.",
		});
	}
}

/** The parser's own words may quote what stands there, so its code has to do. */
function syntaxFinding({ code, position }: SyntaxFault): Parameters<Findings["add"]>[0] {
	const reason =
		code === "TOO_LARGE" ? "is longer or more nested than is read here" : `is not YAML (${code.toLowerCase().replaceAll("_", " ")})`;
	const remedy =
		code === "TOO_LARGE" ? "Divide it." : "Correct the indentation, quotes and brackets here; of a template give what it renders to.";
	return { ...position, rule: "not-yaml", object: "", path: "document", cause: reason, remedy };
}
