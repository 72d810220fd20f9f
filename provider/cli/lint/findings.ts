import type { ManifestNode } from "./read/manifest-node.ts";
import { type ManifestObject, namePosition } from "./read/objects.ts";
import type { Position } from "./read/source.ts";
import { type RuleId, rules, type Severity } from "./rules.ts";

/** One fault of a manifest. */
export interface Finding extends Position {
	readonly severity: Severity;
	readonly rule: RuleId;
	/** The object, such as `SecretProviderClass shop/web`; empty for a file that cannot be read. */
	readonly object: string;
	/** Where in the object, such as `spec.parameters.objects[2].filePermission`. */
	readonly path: string;
	/** What is wrong, as a clause. */
	readonly cause: string;
	/** What to do, as sentences. */
	readonly remedy: string;
}

/** What a rule says about a node. */
export interface Remark {
	readonly rule: RuleId;
	readonly cause: string;
	readonly remedy: string;
	/** Where it differs from the node's own. */
	readonly path?: string;
	readonly position?: Position;
}

/** Collects the faults of all manifests. */
export class Findings {
	readonly #list: Finding[] = [];
	readonly #seen = new Set<string>();

	/** The faults in the order of their places; files stay in the order in which they were first seen. */
	sorted(files: readonly string[]): readonly Finding[] {
		const order = new Map(files.map((file, index) => [file, index]));
		const rank = ({ file }: Finding) => order.get(file) ?? 0;
		return this.#list.toSorted(
			(left, right) =>
				rank(left) - rank(right) || left.line - right.line || left.column - right.column || (left.rule < right.rule ? -1 : 1),
		);
	}

	add(finding: Omit<Finding, "severity">): void {
		const { file, line, column, rule, path, cause } = finding;
		const key = JSON.stringify([file, line, column, rule, path, cause]);
		if (this.#seen.has(key)) return;
		this.#seen.add(key);
		this.#list.push({ ...finding, severity: rules[rule].severity });
	}
}

/** The faults of one object. */
export class ObjectFindings {
	readonly object: ManifestObject;
	readonly #all: Findings;

	constructor(object: ManifestObject, all: Findings) {
		this.object = object;
		this.#all = all;
	}

	/** Notes a fault at a node, or, where that is not there, at the object's name. */
	at(node: ManifestNode | undefined, { rule, cause, remedy, path, position }: Remark): void {
		const place = position ?? node?.position ?? namePosition(this.object);
		this.#all.add({ ...place, rule, object: nameOf(this.object), path: path ?? node?.path ?? "", cause, remedy });
	}
}

/** How messages call an object. */
export function nameOf({ kind, namespace, name }: Pick<ManifestObject, "kind" | "namespace" | "name">): string {
	return `${kind} ${namespace === "" ? name : `${namespace}/${name}`}`;
}
