import { ProviderError } from "../../errors.ts";
import { quote } from "../../plan/fields.ts";
import type { FileRecipe, RenderedFile } from "../../plan/mount-plan.ts";
import { GoDecodeError, goDecode } from "../../shared/go-encoding.ts";
import type { Found } from "../store.ts";
import { publicKeyPem } from "./key-to-pem.ts";
import { mountPrefix } from "./legacy-texts.ts";
import type { AzureObject } from "./object.ts";
import { bundlesIn, type StoredVersion, versionOf } from "./object-values.ts";
import { versionsOf } from "./objects.ts";
import { certificatePem, splitPem } from "./pem.ts";

/**
 * How the files of an object are made of its value.
 *
 * @param name what the plan calls the object, or one of its versions
 */
export function recipeOf(object: AzureObject, name: string, defaultMode: number): FileRecipe {
	const { entry, ref, file } = object;
	const mode = object.mode ?? defaultMode;
	const isOneFile = ref.form === "plain";
	return {
		path: entry.path,
		objects: [name],
		...(isOneFile ? { file: { path: file, mode } } : {}),
		produce(values) {
			const found = values.get(name);
			if (found === undefined) return [];
			const files = isOneFile ? [{ path: file, contents: decoded(found.value.reveal(), object) }] : bundledFiles(found, object);
			return files.map((made) => ({ ...made, mode }));
		},
	};
}

type Contents = Omit<RenderedFile, "mode">;

function bundledFiles(found: Found, object: AzureObject): readonly Contents[] {
	const versions = bundlesIn(found).map((bundle) => versionOf(bundle, object.ref));
	if (versionsOf(object) === undefined) return versions.slice(0, 1).flatMap((version) => versionFiles(version, object.file, object));
	return versions.flatMap((version, index) => versionFiles(version, `${object.file}/${index}`, object));
}

function versionFiles(version: StoredVersion, path: string, object: AzureObject): readonly Contents[] {
	const whole = { path, contents: contentsOf(version, object) };
	if (version.kind !== "secret" || version.pem === undefined || !object.separateFiles) return [whole];
	const { certificates, keys } = splitPem(version.pem);
	const parts = [
		{ path: `${path}.crt`, contents: Buffer.from(certificates) },
		{ path: `${path}.key`, contents: Buffer.from(keys) },
	];
	// A key that may not leave Key Vault makes no file, rather than an empty one.
	return [...parts.filter(({ contents }) => contents.length > 0), whole];
}

function contentsOf(version: StoredVersion, object: AzureObject): Buffer {
	if (version.kind === "key") return Buffer.from(publicKeyPem(version.jwk, object.ref.name));
	if (version.kind === "certificate") return Buffer.from(certificatePem(version.der));
	return decoded(Buffer.from(object.staysPkcs12 ? version.value : (version.pem ?? version.value)), object);
}

/** @throws ProviderError `invalid` when the secret is not in its encoding; nothing of it but one character is in the text */
function decoded(value: Buffer, { encoding, entry }: AzureObject): Buffer {
	if (encoding === "utf-8") return value;
	try {
		return goDecode(value.toString("utf8"), encoding);
	} catch (error) {
		if (!(error instanceof GoDecodeError)) throw error;
		throw new ProviderError("invalid", `${entry.path}: the secret ${quote(entry.objectName)} is not ${encoding}.`, {
			legacyText: `${mountPrefix}${error.message}`,
			remedy: "Correct the secret, or objectEncoding.",
		});
	}
}
