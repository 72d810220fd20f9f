import { quote } from "../../plan/fields.ts";
import { maximumFileMode } from "../../shared/file-mode.ts";
import { filePathProblem } from "../../shared/file-path.ts";
import { type Encoding, readEncoding } from "../../shared/go-encoding.ts";
import { goJson } from "../../shared/go-json.ts";
import { GoFields, type GoMapping, GoYamlError } from "../../shared/go-yaml.ts";
import type { Selection } from "./content.ts";
import { isMethod, makeRef, type VaultRef } from "./ref.ts";
import { readSecretPath } from "./secret-path.ts";

/** An entry of the parameter `objects`. */
export interface VaultObject {
	/** Where it is written, such as `objects[2]`. */
	readonly path: string;
	/** The file's path, and the version's id. */
	readonly name: string;
	readonly ref: VaultRef;
	readonly selection: Selection;
	/** Undefined: the request's default. */
	readonly mode: number | undefined;
	/** Canonical text of the entry: a changed entry is a changed version, as in today's providers. */
	readonly configuration: string;
}

/** Every field that {@link readObject} reads. */
export const objectFields = ["objectName", "secretPath", "secretKey", "method", "secretArgs", "filePermission", "encoding"] as const;

/** A value of a type that its field does not take, in the words of Go's YAML. */
export interface Mismatch {
	readonly path: string;
	readonly problem: string;
}

/** Something wrong with an entry, besides its YAML. */
export interface Finding {
	readonly path: string;
	readonly message: string;
	readonly remedy: string;
	/** The words of today's provider, where it has any. */
	readonly legacyText?: string;
}

/** Reads one entry; unknown fields are ignored. */
export function readObject(mapping: GoMapping, path: string, mismatches: Mismatch[], findings: Finding[]): VaultObject {
	const fields = new GoFields(mapping, (key, problem) => mismatches.push({ path: `${path}.${key}`, problem }));
	const report = (field: string, message: string, remedy: string) => findings.push({ path: `${path}.${field}`, message, remedy });
	const name = fields.text("objectName");
	const nameProblem = filePathProblem(name);
	if (nameProblem !== undefined) report("objectName", nameProblem, "Write the file's path inside the volume.");
	const secretPath = fields.text("secretPath");
	const found = readSecretPath(secretPath);
	if ("problem" in found) report("secretPath", found.problem, found.remedy);
	const method = fields.text("method") || "GET";
	if (!isMethod(method)) report("method", `is ${quote(method)}, which is no HTTP method`, "Write GET, LIST, POST or PUT.");
	const body = readBody(fields, report);
	const mode = readMode(fields, report);
	const secretKey = fields.text("secretKey");
	const encoding = fields.text("encoding");
	return {
		path,
		name,
		ref: makeRef({ shown: secretPath, method, path: "problem" in found ? "/" : found.path, body, whole: true }),
		selection: { secretPath, secretKey, encoding: useEncoding({ path, secretPath, secretKey, encoding }, findings) },
		mode,
		configuration: JSON.stringify([name, secretPath, secretKey, method, body ?? null, mode ?? null, encoding]),
	};
}

type Report = (field: string, message: string, remedy: string) => void;

function readBody(fields: GoFields, report: Report): string | undefined {
	try {
		const args = fields.object("secretArgs");
		return args === undefined ? undefined : goJson(args);
	} catch (error) {
		if (!(error instanceof GoYamlError)) throw error;
		report("secretArgs", `cannot be sent as JSON: ${error.message}`, "Quote the value.");
		return undefined;
	}
}

/** 0 means the request's default, as it does in today's providers. */
function readMode(fields: GoFields, report: Report): number | undefined {
	const mode = fields.unsigned("filePermission", "fs.FileMode");
	if (mode > maximumFileMode) report("filePermission", `is ${mode}, more than octal 0777`, "Write an octal number such as 0400.");
	return mode === 0 || mode > maximumFileMode ? undefined : mode;
}

/** The encoding is looked at only where there is a key to decode. */
function useEncoding(
	entry: { readonly path: string; readonly secretPath: string; readonly secretKey: string; readonly encoding: string },
	findings: Finding[],
): Encoding {
	const encoding = entry.secretKey === "" ? "utf-8" : readEncoding(entry.encoding);
	if (encoding !== undefined) return encoding;
	findings.push({
		path: `${entry.path}.encoding`,
		message: `is ${quote(entry.encoding)}`,
		remedy: "Write utf-8, base64 or hex.",
		legacyText: `error making mount request: {${entry.secretPath}}: {invalid encoding type. Should be utf-8, base64, or hex}`,
	});
	return "utf-8";
}
