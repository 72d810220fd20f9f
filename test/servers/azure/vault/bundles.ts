import { createHash } from "node:crypto";
import { publicJwk } from "./key-material.ts";
import { type Content, isEnabled, type Kind, type Vault, type VaultObject, type Version } from "./vault.ts";

const recovery = { recoveryLevel: "Recoverable+Purgeable", recoverableDays: 90 };
const dayMilliseconds = 86_400_000;

/** Where a version is found; without one, where its object is. */
export function identifier(vault: Vault, kind: Kind, name: string, version?: string): string {
	const base = `https://${vault.host}/${kind}/${name}`;
	return version === undefined ? base : `${base}/${version}`;
}

/** The whole of one version, as the API gives it to who may get it. */
export function bundle(vault: Vault, name: string, version: Version): object {
	const place = (kind: Kind) => identifier(vault, kind, name, version.id);
	return { ...wholeContent(version.content, place), attributes: attributesOf(version), ...tagsOf(version) };
}

function wholeContent(content: Content, place: (kind: Kind) => string): object {
	switch (content.kind) {
		case "secrets": {
			const managed = content.ofCertificate ? { kid: place("keys"), managed: true } : {};
			return { value: content.value, contentType: content.contentType, id: place("secrets"), ...managed };
		}
		case "keys":
			return { key: publicJwk(content.material, place("keys")), ...(content.ofCertificate ? { managed: true } : {}) };
		case "certificates": {
			const { der, contentType, subject } = content;
			const policy = { secret_props: { contentType }, x509_props: { subject }, issuer: { name: "Unknown" } };
			const ids = { id: place("certificates"), kid: place("keys"), sid: place("secrets") };
			return { ...ids, x5t: thumbprint(der), cer: der.toString("base64"), policy };
		}
	}
}

/** What a list tells of an object, or of one of its versions: everything but the content. */
export function listItem(vault: Vault, { name }: VaultObject, version: Version, names: "object" | "version"): object {
	const { content } = version;
	const id = identifier(vault, content.kind, name, names === "version" ? version.id : undefined);
	const common = { attributes: attributesOf(version), ...tagsOf(version) };
	switch (content.kind) {
		case "secrets":
			return { id, contentType: content.contentType, ...(content.ofCertificate ? { managed: true } : {}), ...common };
		case "keys":
			return { kid: id, ...(content.ofCertificate ? { managed: true } : {}), ...common };
		case "certificates":
			return { id, x5t: thumbprint(content.der), subject: content.subject, ...common };
	}
}

/** What `deletedsecrets` and its like tell of a deleted object: all but the value of a secret. */
export function deletedItem(vault: Vault, object: VaultObject, version: Version, deletedAt: Date): object {
	const purge = new Date(deletedAt.getTime() + recovery.recoverableDays * dayMilliseconds);
	const told = version.content.kind === "secrets" ? listItem(vault, object, version, "version") : bundle(vault, object.name, version);
	const recoveryId = identifier(vault, version.content.kind, object.name).replace(/\/(\w+)\/([^/]+)$/, "/deleted$1/$2");
	return {
		...told,
		recoveryId,
		deletedDate: seconds(deletedAt),
		scheduledPurgeDate: seconds(purge),
	};
}

function attributesOf(version: Version): object {
	const { notBefore, expires } = version.options;
	return {
		enabled: isEnabled(version),
		...(notBefore === undefined ? {} : { nbf: seconds(notBefore) }),
		...(expires === undefined ? {} : { exp: seconds(expires) }),
		created: seconds(version.created),
		updated: seconds(version.updated),
		...recovery,
	};
}

/** SHA-1, as `x5t` of RFC 7517 has it. */
function thumbprint(der: Buffer): string {
	return createHash("sha1").update(der).digest("base64url");
}

function tagsOf({ options }: Version): object {
	return options.tags === undefined ? {} : { tags: options.tags };
}

function seconds(date: Date): number {
	return Math.floor(date.getTime() / 1000);
}
