import { asWritten, type YamlNode } from "../../plan/yaml.ts";
import type { GoJsonFields } from "../../shared/go-json-fields.ts";
import { ciphertextFields } from "./ciphertext.ts";

/** An entry of the parameter `objects` as written; what is missing is empty. */
export interface AwsEntry {
	/** Where it is written, such as `objects[2]`. */
	readonly path: string;
	readonly objectName: string;
	readonly objectType: string;
	readonly objectAlias: string;
	readonly objectVersion: string;
	readonly objectVersionLabel: string;
	readonly filePermission: string;
	readonly encoding: string;
	readonly jmesPath: readonly JmesEntry[];
	readonly failover: FailoverEntry;
	/** The fields of a value that KMS encrypted, by the names that their reader knows. */
	readonly ciphertext: ReadonlyMap<string, YamlNode>;
}

/** An entry of `jmesPath`: a part of the object with a file of its own. */
export interface JmesEntry {
	/** Where it is written, such as `objects[2].jmesPath[0]`. */
	readonly path: string;
	readonly expression: string;
	readonly objectAlias: string;
	readonly filePermission: string;
}

/** What stands for the object in the second region. */
export interface FailoverEntry {
	readonly objectName: string;
	readonly objectVersion: string;
	readonly objectVersionLabel: string;
	/** The same key in the second region; undefined where it is not written. */
	readonly keyId: YamlNode | undefined;
}

/** Every field that an entry may have. */
export const objectFields: readonly string[] = [
	...["objectName", "objectType", "objectAlias", "objectVersion", "objectVersionLabel", "filePermission"],
	...["jmesPath", "failoverObject", "encoding", ...ciphertextFields],
];

/** Reads an entry's fields in the order in which Go meets them, so that the first mismatch is Go's first one, too. */
export function readEntry(fields: GoJsonFields): AwsEntry {
	return {
		path: fields.path,
		ciphertext: readCiphertextFields(fields),
		encoding: fields.text("encoding"),
		failover: readFailover(fields.mapping("failoverObject", "FailoverObjectEntry")),
		filePermission: fields.text("filePermission"),
		jmesPath: fields.mappings("jmesPath", "JMESPathEntry").map(readJmesEntry),
		objectAlias: fields.text("objectAlias"),
		objectName: fields.text("objectName"),
		objectType: fields.text("objectType"),
		objectVersion: fields.text("objectVersion"),
		objectVersionLabel: fields.text("objectVersionLabel"),
	};
}

function readJmesEntry(fields: GoJsonFields): JmesEntry {
	return {
		path: fields.path,
		filePermission: fields.text("filePermission"),
		objectAlias: fields.text("objectAlias"),
		expression: fields.text("path"),
	};
}

function readFailover(fields: GoJsonFields | undefined): FailoverEntry {
	const keyId = fields?.node("keyId");
	return {
		objectName: fields?.text("objectName") ?? "",
		objectVersion: fields?.text("objectVersion") ?? "",
		objectVersionLabel: fields?.text("objectVersionLabel") ?? "",
		keyId: keyId === undefined ? undefined : asWritten(keyId),
	};
}

/** Today's provider has no such fields, so nobody expects them to become numbers: `0777` may well be base64. */
function readCiphertextFields(fields: GoJsonFields): ReadonlyMap<string, YamlNode> {
	const found = ciphertextFields.flatMap((key) => {
		const node = fields.node(key);
		return node === undefined ? [] : [[key, asWritten(node)] as const];
	});
	return new Map(found);
}
