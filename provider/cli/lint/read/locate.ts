import type { ManifestNode } from "./manifest-node.ts";
import { embeddedIn } from "./parse.ts";
import type { Position } from "./source.ts";

/** What the beginning of a path leads to. */
interface Located {
	readonly node: ManifestNode;
	/** What is left of the path. */
	readonly rest: string;
}

/**
 * Where a fault of a plan is written: its path goes through the parameters into the YAML that they hold, and ends at
 * the last thing that is there when it names something missing. A fault of a parameter's text as a whole
 * tells the line by its message.
 *
 * @param path such as `objects[2].filePermission`; keys may hold dots
 */
export function positionOfFault(parameters: ManifestNode, path: string, message: string): Position {
	const parameter = longestKey(parameters, path);
	if (parameter === undefined) return parameters.position;
	const line = parameter.rest === "" ? /\bline (\d{1,6})\b/.exec(message)?.[1] : undefined;
	if (line !== undefined) return linePosition(parameter.node, Number(line));
	return follow(parameter.node, parameter.rest).position;
}

function follow(node: ManifestNode, rest: string): ManifestNode {
	if (rest === "") return node;
	const inner = node.isMapping || node.isList ? node : embeddedIn(node);
	if (inner === undefined) return node;
	const step = inner.isList ? itemOf(inner, rest) : longestKey(inner, rest.replace(/^\./, ""));
	return step === undefined ? node : follow(step.node, step.rest);
}

function itemOf(node: ManifestNode, path: string): Located | undefined {
	const [written = "", index] = /^\[(\d{1,6})\]/.exec(path) ?? [];
	const item = node.items[Number(index)];
	return item === undefined ? undefined : { node: item, rest: path.slice(written.length) };
}

/** The entry with the longest key that the path begins with: a key such as `spring.datasource` holds what else separates. */
function longestKey(node: ManifestNode, path: string): Located | undefined {
	let longest: Located | undefined;
	for (const [key, entry] of node.entries) {
		for (const written of [key, JSON.stringify(key), JSON.stringify(key).slice(1, -1)]) {
			const rest = path.slice(written.length);
			if (written === "" || !path.startsWith(written) || !/^(?:$|[.[])/.test(rest)) continue;
			if (longest === undefined || rest.length < longest.rest.length) longest = { node: entry, rest };
		}
	}
	return longest;
}

/** Where a line of the text that a scalar holds is written. */
function linePosition(node: ManifestNode, line: number): Position {
	const source = node.embeddedSource;
	if (source === undefined) return node.position;
	const lines = source.text.split("\n");
	const start = lines.slice(0, line - 1).reduce((sum, before) => sum + before.length + 1, 0);
	const visible = source.text.slice(start).search(/\S/);
	// A text that ends too early has its fault in a line that is not there.
	return source.position(visible === -1 ? source.text.length : start + visible);
}
