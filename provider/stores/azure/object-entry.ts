import type { YamlNode } from "../../plan/yaml.ts";
import { GoFields, type GoMapping } from "../../shared/go-yaml.ts";
import { ciphertextFields } from "./ciphertext.ts";

/** An object as a class writes it; what is missing is empty. */
export interface AzureEntry {
	/** Where it is written, such as `objects.array[2]`. */
	readonly path: string;
	readonly objectName: string;
	readonly objectAlias: string;
	readonly objectType: string;
	readonly objectVersion: string;
	/** 0 when missing. */
	readonly objectVersionHistory: number;
	readonly objectFormat: string;
	readonly objectEncoding: string;
	readonly filePermission: string;
	/** The fields of a value that Key Vault decrypts, by the names that their reader knows. */
	readonly ciphertext: ReadonlyMap<string, YamlNode>;
}

const textFields = [
	"objectName",
	"objectAlias",
	"objectType",
	"objectVersion",
	"objectFormat",
	"objectEncoding",
	"filePermission",
] as const;

/** Every field that an object may have. */
export const objectFields: readonly string[] = [...textFields, "objectVersionHistory", ...ciphertextFields];

/**
 * Reads an object's fields as today's provider does: texts without the space around them, whatever YAML takes them for,
 * so that `filePermission: 0600` is a mode without quotes too.
 *
 * @param report hears what does not fit a field, in the words of Go's YAML
 */
export function readEntry(mapping: GoMapping, path: string, report: (key: string, problem: string) => void): AzureEntry {
	const fields = new GoFields(mapping, report);
	const text = (key: (typeof textFields)[number]) => fields.text(key).trim();
	return {
		path,
		objectName: text("objectName"),
		objectAlias: text("objectAlias"),
		objectType: text("objectType"),
		objectVersion: text("objectVersion"),
		objectVersionHistory: fields.signed("objectVersionHistory"),
		objectFormat: text("objectFormat"),
		objectEncoding: text("objectEncoding"),
		filePermission: text("filePermission"),
		ciphertext: readCiphertextFields(mapping),
	};
}

/** Today's provider has no such fields, so nobody expects them to become numbers: `0777` may well be base64. */
function readCiphertextFields({ entries }: GoMapping): ReadonlyMap<string, YamlNode> {
	const found = ciphertextFields.flatMap((key) => {
		const node = entries.get(key);
		// Whatever is no text is not taken for one.
		return node === undefined ? [] : [[key, node.kind === "scalar" ? node.text.trim() : []] as const];
	});
	return new Map(found);
}
