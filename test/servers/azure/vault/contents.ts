import { type Refusal, vaultRefusal } from "../refusal.ts";
import { type Aim, nouns, permissionFor } from "./aim.ts";
import { deletedItem, listItem } from "./bundles.ts";
import { isEnabled, type Kind, type Vault, type VaultObject, type Version } from "./vault.ts";

/** Everything of one kind that is not deleted. */
export function listObjects(vault: Vault, kind: Kind): readonly object[] {
	return vault.all(kind).flatMap((object) => {
		const newest = object.versions.at(-1);
		return newest === undefined ? [] : [listItem(vault, object, newest, "object")];
	});
}

/** In no order of time, as the service gives none. Of an object that is not there, there are none. */
export function listVersions(vault: Vault, { kind, name }: Aim): readonly object[] {
	const object = vault.find(kind, name);
	if (object === undefined || object.deletedAt !== undefined) return [];
	const versions = [...object.versions].sort((left, right) => (left.id < right.id ? -1 : 1));
	return versions.map((version) => listItem(vault, object, version, "version"));
}

/** @throws Refusal 404 for what is not deleted */
export function findDeleted(vault: Vault, aim: Aim): object {
	const object = vault.find(aim.kind, aim.name);
	const newest = object?.versions.at(-1);
	if (object?.deletedAt === undefined || newest === undefined) throw notFound(aim, `Deleted ${nouns[aim.kind]} not found: ${aim.name}`);
	return deletedItem(vault, object, newest, object.deletedAt);
}

/**
 * The version that is asked for. Whether it has begun or ended does not matter for reading; a
 * disabled certificate still shows its public part.
 *
 * @throws Refusal 404 for what is not there or is deleted, 403 for what is disabled
 */
export function findVersion(vault: Vault, aim: Aim): Version {
	const object = vault.find(aim.kind, aim.name);
	const version = object?.deletedAt === undefined ? pick(object, aim.version) : undefined;
	const noun = nouns[aim.kind];
	if (version === undefined) {
		const id = aim.version === "" ? aim.name : `${aim.name}/${aim.version}`;
		const hint =
			`If you recently deleted this ${noun} you may be able to recover it using the correct recovery command. ` +
			"For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182";
		throw notFound(aim, `A ${noun} with (name/id) ${id} was not found in this key vault. ${hint}`);
	}
	if (isEnabled(version) || aim.kind === "certificates") return version;
	const inner = aim.kind === "keys" ? "KeyDisabled" : "SecretDisabled";
	throw vaultRefusal(403, "Forbidden", `Operation ${permissionFor(aim)} is not allowed on a disabled ${noun}.`, inner);
}

function pick(object: VaultObject | undefined, version: string): Version | undefined {
	return version === "" ? object?.versions.at(-1) : object?.versions.find(({ id }) => id === version.toLowerCase());
}

function notFound({ kind }: Aim, message: string): Refusal {
	const code = { secrets: "SecretNotFound", keys: "KeyNotFound", certificates: "CertificateNotFound" }[kind];
	return vaultRefusal(404, code, message);
}
