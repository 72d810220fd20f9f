import { Document, isMap, isScalar, Scalar, visit } from "yaml";

/** One entry of the parameter `objects`, as a mapping of texts. */
export interface ObjectEntry {
	readonly [key: string]: string | ObjectEntry;
}

/** The entry as a list item of YAML. */
export function entryText(entry: ObjectEntry): string {
	return quoted(new Document([entry]));
}

/** The entry as a list item that is a text, which is YAML itself: so the dialect `azure` has it. */
export function entryBlock(entry: ObjectEntry): string {
	return `- |\n${quoted(new Document(entry)).replace(/^(?=.)/gm, "  ")}`;
}

/** A name for an entry of the native dialect, which has fewer characters than what a value may be sealed under. */
export function nativeName(object: string): string {
	return object
		.replace(/[^A-Za-z0-9_-]/g, "_")
		.replace(/^(?![A-Za-z_])/, "_")
		.slice(0, 63);
}

/** What a value was sealed under, for a field of its own where it is no native name. */
export function sealedUnder(object: string, field: string): ObjectEntry {
	return nativeName(object) === object ? {} : { [field]: object };
}

/**
 * Every text is quoted, since one such as `yes`, `0644` or `1e3` would be something else than a text to some who read
 * it; so are the keys of inner mappings, which the user chose.
 */
function quoted(document: Document): string {
	visit(document, {
		Scalar(key, node) {
			if (key === "value") node.type = Scalar.QUOTE_DOUBLE;
		},
		Pair(_key, pair) {
			if (!isMap(pair.value)) return;
			for (const { key } of pair.value.items) if (isScalar(key)) key.type = Scalar.QUOTE_DOUBLE;
		},
	});
	return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}
