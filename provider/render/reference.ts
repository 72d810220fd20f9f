/** What a template or a `values` entry names: an object, or a part of it by literal keys. */
export interface Reference {
	readonly object: string;
	readonly keys: readonly string[];
}

const objectName = /^[A-Za-z_][A-Za-z0-9_-]*/;
const step = /\.([A-Za-z_][A-Za-z0-9_-]*)|\[("(?:[^"\\]|\\.)*")\]/y;

/**
 * Reads `object`, `object.key.sub` or `object["odd.key"]`; the quoted form is a JSON string.
 * Anything else is undefined: there are no functions, filters or computed names.
 */
export function parseReference(text: string): Reference | undefined {
	const object = objectName.exec(text)?.[0];
	if (object === undefined) return undefined;
	const keys: string[] = [];
	step.lastIndex = object.length;
	while (step.lastIndex < text.length) {
		const match = step.exec(text);
		const key = match?.[1] ?? unquote(match?.[2]);
		if (key === undefined) return undefined;
		keys.push(key);
	}
	return { object, keys };
}

function unquote(quoted: string | undefined): string | undefined {
	if (quoted === undefined) return undefined;
	try {
		const key: unknown = JSON.parse(quoted);
		return typeof key === "string" ? key : undefined;
	} catch {
		return undefined;
	}
}
