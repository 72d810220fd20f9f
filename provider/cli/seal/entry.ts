import { Document, isMap, isScalar, Scalar, visit } from "yaml";

/** One entry of the parameter `objects`, as a mapping of texts. */
export interface ObjectEntry {
	readonly [key: string]: string | ObjectEntry;
}

/**
 * The entry as a list item of YAML. Every text is quoted, since one such as `yes`, `0644` or `1e3` would be something
 * else than a text to some who read it; so are the keys of inner mappings, which the user chose.
 */
export function entryText(entry: ObjectEntry): string {
	const document = new Document([entry]);
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
