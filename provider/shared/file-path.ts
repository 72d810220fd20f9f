const longestElement = 255;
const longestPath = 4096;

/**
 * Why the driver would refuse a file path, as a clause, or undefined when it is good. Stricter than the
 * driver in two points: no element starts with `..` (the driver's own names do, and only the first
 * is checked there), and no control characters (they break one-line records).
 *
 * Source: the driver's atomic writer (secrets-store-csi-driver v1.6.0, pkg/util/fileutil).
 */
export function filePathProblem(path: string): string | undefined {
	if (path === "") return "is empty";
	if (path.startsWith("/")) return "is absolute; files lie inside the volume";
	if (Buffer.byteLength(path) > longestPath) return `is longer than ${longestPath} bytes`;
	if (/\p{Cc}/u.test(path)) return "holds a control character";
	for (const element of path.split("/")) {
		if (element === "") return "has an empty element";
		if (element === ".") return "has an element `.`";
		if (element.startsWith("..")) return "has an element that starts with `..`";
		if (Buffer.byteLength(element) > longestElement) return `has an element longer than ${longestElement} bytes`;
	}
	return undefined;
}

/** The first pair of paths that cannot lie in one volume: the same twice, or a file where the other needs a folder. */
export function pathCollision(paths: readonly string[]): readonly [string, string] | undefined {
	const seen = new Set<string>();
	for (const path of paths) {
		if (seen.has(path)) return [path, path];
		seen.add(path);
	}
	for (const path of paths) {
		for (let end = path.indexOf("/"); end !== -1; end = path.indexOf("/", end + 1)) {
			const parent = path.slice(0, end);
			if (seen.has(parent)) return [parent, path];
		}
	}
	return undefined;
}
