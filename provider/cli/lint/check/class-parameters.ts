import type { ObjectFindings } from "../findings.ts";
import type { PlannedClass, Planner } from "../plan/planner.ts";
import { positionOfFault } from "../read/locate.ts";
import type { ManifestNode } from "../read/manifest-node.ts";
import { embeddedIn } from "../read/parse.ts";
import { nearest, suggestion } from "./unknown-fields.ts";

/** Notes what Mount would say to a class, and what it would pass over in silence. */
export function checkClassParameters(findings: ObjectFindings, planned: PlannedClass, planner: Planner): void {
	const parameters = findings.object.root.at("spec", "parameters");
	if (parameters === undefined) return;
	for (const { path, message, remedy } of planned.faults) {
		if (hasNoText(parameters, path)) continue;
		findings.at(parameters, {
			rule: "parameters-invalid",
			cause: withoutSource(message),
			remedy: remedy ?? "Correct it.",
			path: joined(parameters.path, path),
			position: positionOfFault(parameters, path, message),
		});
	}
	for (const store of planned.plan?.stores ?? []) {
		for (const { rule, parameter, cause, remedy } of planner.judge(store)) {
			const position = positionOfFault(parameters, parameter, "");
			findings.at(parameters, { rule, cause, remedy, path: joined(parameters.path, parameter), position });
		}
	}
	noteUnread(findings, parameters, planned);
	noteUnreadFields(findings, parameters.at(planned.objectsParameter), planned);
	for (const node of parameters.entries.values()) noteDecimalModes(findings, embeddedIn(node));
}

/** What is said of a parameter that is no text only follows from that. */
function hasNoText(parameters: ManifestNode, path: string): boolean {
	const parameter = parameters.at(/^[^.[]+/.exec(path)?.[0] ?? "");
	return parameter !== undefined && (parameter.scalar === undefined || parameter.isNothing);
}

export function joined(parent: string, path: string): string {
	return path === "" ? parent : `${parent}.${path}`;
}

/** A parser's message may quote the text that it could not read, and with it anything. */
export function withoutSource(message: string): string {
	return message.includes("is not YAML") ? message.replace(/: "(?:[^"\\]|\\.)*"/g, "") : message;
}

function noteUnread(findings: ObjectFindings, parameters: ManifestNode, { unread, missed }: PlannedClass): void {
	for (const name of unread) {
		const cause = "is a parameter that the provider does not read, or another one comes before it";
		const remedy = nearest(name, missed) ?? "Correct its name, which is case-sensitive, or remove it.";
		findings.at(parameters.at(name), { rule: "parameter-unused", cause, remedy });
	}
}

function noteUnreadFields(
	findings: ObjectFindings,
	objects: ManifestNode | undefined,
	{ objectFields: known, ignoresCase }: PlannedClass,
): void {
	if (known === undefined) return;
	const asRead = (name: string) => (ignoresCase ? name.toLowerCase() : name);
	const read = new Set(known.map(asRead));
	const list = objects === undefined ? undefined : embeddedIn(objects);
	for (const item of list?.items ?? []) {
		for (const [key, node] of item.entries) {
			if (read.has(asRead(key))) continue;
			findings.at(node, { rule: "field-unused", cause: "is a field that the provider does not read", remedy: suggestion(key, known) });
		}
	}
}

const modeFields: ReadonlySet<string> = new Set(["filePermission", "defaultMode"]);

/** Modes that somebody may well have written in decimal digits, such as 420 for 0644. */
const usualModes: ReadonlySet<number> = new Set([
	...[0o400, 0o440, 0o444, 0o500, 0o550, 0o555, 0o600, 0o640, 0o644],
	...[0o660, 0o664, 0o666, 0o700, 0o750, 0o755, 0o770, 0o775, 0o777],
]);

/** `filePermission: 400` is decimal, hence 0620: without the leading zero octal digits are none. */
function noteDecimalModes(findings: ObjectFindings, node: ManifestNode | undefined): void {
	if (node === undefined) return;
	for (const [key, entry] of node.entries) {
		const digits = entry.isPlain && modeFields.has(key) ? (entry.scalar ?? "") : "";
		if (!/^[1-7][0-7]{2}$/.test(digits) || usualModes.has(Number(digits))) continue;
		const cause = `is ${digits} in decimal digits, which is the mode 0${Number(digits).toString(8)}`;
		findings.at(entry, { rule: "mode-decimal", cause, remedy: `Write 0${digits}.` });
	}
	for (const inner of node.children) noteDecimalModes(findings, inner);
}
