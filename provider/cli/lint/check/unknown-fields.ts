import { quote } from "../../../plan/fields.ts";
import type { ObjectFindings } from "../findings.ts";
import type { ManifestNode } from "../read/manifest-node.ts";

/** Notes every field of a mapping that the API does not have: the API server drops it, or refuses the object. */
export function rejectUnknownFields(node: ManifestNode | undefined, known: readonly string[], findings: ObjectFindings): void {
	for (const [key, entry] of node?.entries ?? []) {
		if (known.includes(key)) continue;
		findings.at(entry, { rule: "unknown-field", cause: "is not a field of the API", remedy: suggestion(key, known) });
	}
}

/** Keys that a mapping has twice, at any depth. */
export function rejectRepeatedKeys(node: ManifestNode, findings: ObjectFindings): void {
	for (const { key, position } of node.repeatedKeys) {
		const path = node.path === "" ? key : `${node.path}.${key}`;
		const cause = "is there twice, and only the last one counts";
		findings.at(node, { rule: "duplicate-key", cause, remedy: "Keep one of them.", path, position });
	}
	for (const inner of node.children) rejectRepeatedKeys(inner, findings);
}

const maximumShown = 20;

/** A remedy for a name that is not known: the one that was probably meant, or all of them. */
export function suggestion(written: string, known: readonly string[]): string {
	const shown = known.length > maximumShown ? [...known.slice(0, maximumShown), "…"] : known;
	return nearest(written, known) ?? `Known here: ${shown.join(", ")}.`;
}

/** A remedy that names what was probably meant; undefined when nothing is near enough. */
export function nearest(written: string, known: readonly string[]): string | undefined {
	const [first] = known
		.map((name) => ({ name, distance: editDistance(written.toLowerCase(), name.toLowerCase()) }))
		.sort((left, right) => left.distance - right.distance);
	if (first === undefined || first.distance > Math.max(2, first.name.length / 4)) return undefined;
	return `Write ${quote(first.name).slice(1, -1)}.`;
}

/** Levenshtein's distance; names that differ much in length are not compared at all. */
function editDistance(left: string, right: string): number {
	if (Math.abs(left.length - right.length) > 8) return Number.POSITIVE_INFINITY;
	let previous = Array.from({ length: right.length + 1 }, (_value, index) => index);
	for (const [row, character] of [...left].entries()) {
		const current = [row + 1];
		for (let column = 1; column <= right.length; column += 1) {
			const replaced = (previous[column - 1] ?? 0) + (right[column - 1] === character ? 0 : 1);
			current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
		}
		previous = current;
	}
	return previous.at(-1) ?? 0;
}
