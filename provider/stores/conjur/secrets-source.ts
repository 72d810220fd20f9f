import { ProviderError } from "../../errors.ts";
import type { Faults } from "../../plan/faults.ts";
import type { MountRequest } from "../../plan/mount-request.ts";
import { goQuote } from "../../shared/go-text.ts";
import { configurationPrefix } from "./legacy-texts.ts";
import { configurationVersion } from "./parameters.ts";
import type { SecretsSource } from "./secrets-list.ts";

/** The annotation of pods that lists files and variables. */
export const secretsAnnotation = "conjur.org/secrets";
const parameter = "secrets";

/** Where the list of files and variables stands. */
export interface FoundSource {
	/** Undefined when there is none, which is a fault unless no pod is at hand. */
	readonly source: SecretsSource | undefined;
	/** What the class's author should know. */
	readonly warnings: readonly string[];
	/** Whether pods may say something else, and none is at hand. */
	readonly isOpen?: boolean;
}

/** Which annotations say what a pod of this class gets: none from the first form of configuration. */
export function annotationsFor({ parameters }: MountRequest): readonly string[] {
	return configurationVersion(parameters) === "0.2.0" ? [secretsAnnotation] : [];
}

/**
 * Finds the list. In the first form of configuration it is the parameter; in the second one the pod's annotation, or the
 * parameter where the pod has none or cannot be looked at.
 */
export function findSource({ parameters, podAnnotations, pod }: MountRequest, faults: Faults): FoundSource {
	const text = parameters.get(parameter) ?? "";
	const written = text === "" ? undefined : { name: parameter, text };
	if (configurationVersion(parameters) === "0.1.0") {
		if (written === undefined) {
			const legacyText = `${configurationPrefix}CKCP010 Attribute "secrets" missing or empty`;
			faults.addLegacy(legacyText, parameter, "is missing or empty", 'Write a list of pairs, as `- "file/path": variable/id`.');
		}
		return { source: written, warnings: [] };
	}
	// Without a pod nobody knows what its annotation will be.
	if (podAnnotations === undefined) return { source: written, warnings: [], isOpen: true };
	const annotation = podAnnotations instanceof ProviderError ? "" : (podAnnotations.get(secretsAnnotation) ?? "");
	if (annotation !== "") return { source: { name: secretsAnnotation, text: annotation }, warnings: [] };
	if (written !== undefined) return { source: written, warnings: [fallbackWarning(podAnnotations)] };
	reportMissing(podAnnotations, pod, faults);
	return { source: undefined, warnings: [] };
}

function fallbackWarning(annotations: NonNullable<MountRequest["podAnnotations"]>): string {
	const why = annotations instanceof ProviderError ? annotations.text : `The pod has no annotation ${secretsAnnotation}.`;
	return `CKCP042 The parameter secrets is used in the place of the pod's annotation ${secretsAnnotation}, which a class of configuration version 0.2.0 expects. ${why}`;
}

function reportMissing(annotations: NonNullable<MountRequest["podAnnotations"]>, pod: MountRequest["pod"], faults: Faults): void {
	const prefix = `${configurationPrefix}CKCP035 Failed to retrieve pod annotations: `;
	const remedy = `Annotate the pod with a list of pairs, as \`- "file/path": variable/id\`, or write the list into the parameter secrets.`;
	if (!(annotations instanceof ProviderError)) {
		faults.addLegacy(
			`${prefix}CKCP034 Annotation "${secretsAnnotation}" missing or empty`,
			secretsAnnotation,
			"is no annotation of the pod, or an empty one",
			remedy,
		);
		return;
	}
	const subject = `pod ${goQuote(pod.name)} in namespace ${goQuote(pod.namespace)}`;
	const legacyText = `${prefix}CKCP033 Failed to unmarshal YAML: CKCP039 Failed to get ${subject}: ${annotations.message}`;
	const problem = annotations.message.replace(/\.$/, "");
	faults.addLegacy(
		legacyText,
		secretsAnnotation,
		`cannot be read from the pod: ${problem}`,
		`${annotations.remedy ?? ""} ${remedy}`.trim(),
	);
}
