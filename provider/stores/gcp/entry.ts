import { asWritten, type YamlNode } from "../../plan/yaml.ts";
import { GoFields, type GoMapping } from "../../shared/go-yaml.ts";

/** An entry of the parameter `secrets` as written; what is missing is empty. */
export interface GcpEntry {
	/** Where it is written, such as `secrets[2]`. */
	readonly path: string;
	readonly resourceName: string;
	readonly filePath: string;
	readonly fileName: string;
	/** 0 where none is written. */
	readonly mode: number;
	readonly jsonKey: string;
	readonly yamlKey: string;
	/** The fields of a value that Cloud KMS encrypted, by the names that their reader knows. */
	readonly ciphertext: ReadonlyMap<string, YamlNode>;
}

/** A value of a type that its field does not take, in the words of Go's YAML. */
export interface Mismatch {
	readonly path: string;
	readonly problem: string;
}

/** The fields of today's provider. */
const ownFields = ["resourceName", "path", "fileName", "mode", "extractJSONKey", "extractYAMLKey"] as const;
/** Those that a value encrypted by Cloud KMS has besides. */
const ciphertextFields = ["ciphertext", "aad", "bind"] as const;

/** Every field that an entry may have. */
export const entryFields: readonly string[] = [...ownFields, ...ciphertextFields];

/** Reads an entry; unknown fields are ignored. */
export function readEntry(mapping: GoMapping, path: string, mismatches: Mismatch[]): GcpEntry {
	const fields = new GoFields(mapping, (key, problem) => mismatches.push({ path: `${path}.${key}`, problem }));
	return {
		path,
		resourceName: fields.text("resourceName"),
		fileName: fields.text("fileName"),
		filePath: fields.text("path"),
		mode: fields.unsigned("mode", "int32"),
		jsonKey: fields.text("extractJSONKey"),
		yamlKey: fields.text("extractYAMLKey"),
		ciphertext: readCiphertextFields(mapping),
	};
}

/** The file's path: `path` wins over `fileName`. */
export function fileOf({ filePath, fileName }: GcpEntry): string {
	return filePath || fileName;
}

/** How today's provider shows an entry in front of what is wrong with it. */
export function legacyEntry({ resourceName, fileName, filePath }: GcpEntry, problem: string): string {
	return `{${resourceName} ${fileName} ${filePath}}: ${problem}`;
}

/** Today's provider has no such fields, so nobody expects them to become numbers: `0777` may well be base64. */
function readCiphertextFields(mapping: GoMapping): ReadonlyMap<string, YamlNode> {
	const found = ciphertextFields.flatMap((key) => {
		const node = mapping.entries.get(key);
		return node === undefined ? [] : [[key, asWritten(node)] as const];
	});
	return new Map(found);
}
