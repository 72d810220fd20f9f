/** What is mounted at a place. */
export interface MountEntry {
	readonly type: string;
	readonly isReadOnly: boolean;
}

/**
 * The mount that a path lies on.
 *
 * @param table the text of `/proc/PID/mountinfo` (proc(5)), where later lines cover earlier ones
 */
export function mountOf(path: string, table: string): MountEntry | undefined {
	let found: (MountEntry & { readonly point: string }) | undefined;
	for (const line of table.split("\n")) {
		const [before = "", after = ""] = line.split(" - ");
		const [, , , , point = "", options = ""] = before.split(" ");
		const [type = "", , superOptions = ""] = after.split(" ");
		const place = unescapeOctal(point);
		if (place === "" || !isBelow(path, place) || place.length < (found?.point.length ?? 0)) continue;
		found = { point: place, type, isReadOnly: hasReadOnly(options) || hasReadOnly(superOptions) };
	}
	return found;
}

function isBelow(path: string, point: string): boolean {
	return point === "/" || path === point || path.startsWith(`${point}/`);
}

function hasReadOnly(options: string): boolean {
	return options.split(",").includes("ro");
}

/** Spaces and the like are written as `\040`. */
function unescapeOctal(text: string): string {
	return text.replace(/\\([0-7]{3})/g, (_all, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
