import { randomBytes } from "node:crypto";
import type { Cloud } from "../clouds.ts";
import type { KeyMaterial } from "./key-material.ts";
import { Quota } from "./quota.ts";

export type Kind = "secrets" | "keys" | "certificates";

/** What may be said of a version when it is made; all of it may be changed later but `version` and `created`. */
export interface VersionOptions {
	/** 32 hexadecimal digits; random unless given. */
	readonly version?: string;
	/** Default true. */
	readonly enabled?: boolean;
	readonly notBefore?: Date;
	readonly expires?: Date;
	/** Default: now, and at least a second after the version before, because the API tells whole seconds. */
	readonly created?: Date;
	readonly tags?: Readonly<Record<string, string>>;
}

export type AttributeChanges = Pick<VersionOptions, "enabled" | "notBefore" | "expires">;

export interface SecretContent {
	readonly kind: "secrets";
	readonly value: string;
	readonly contentType: string | undefined;
	/** A certificate's secret names its key, and is managed with it. */
	readonly ofCertificate: boolean;
}

export interface KeyContent {
	readonly kind: "keys";
	readonly material: KeyMaterial;
	readonly ofCertificate: boolean;
}

export interface CertificateContent {
	readonly kind: "certificates";
	readonly der: Buffer;
	readonly subject: string;
	readonly contentType: string;
}

export type Content = SecretContent | KeyContent | CertificateContent;

export interface Version {
	readonly id: string;
	readonly created: Date;
	updated: Date;
	options: VersionOptions;
	readonly content: Content;
}

export interface VaultObject {
	readonly name: string;
	/** Oldest first. */
	readonly versions: Version[];
	deletedAt: Date | undefined;
}

/** What one client may do, by kind; `decrypt`, `encrypt`, `wrapKey` and `unwrapKey` for keys only. */
export interface Permissions {
	readonly secrets?: readonly ("get" | "list")[];
	readonly keys?: readonly ("get" | "list" | "decrypt" | "encrypt" | "wrapKey" | "unwrapKey")[];
	readonly certificates?: readonly ("get" | "list")[];
}

export interface VaultOptions {
	/** Where its tokens come from. */
	readonly tenant: string;
	readonly cloud: Cloud;
	/** Whose words a caller without permission is told: access policies' or Azure RBAC's. */
	readonly authorization: "policies" | "roles";
}

/** One vault with all that it keeps. Names are the same in any case. */
export class Vault {
	readonly name: string;
	readonly options: VaultOptions;
	readonly quota = new Quota();
	readonly permissions = new Map<string, Permissions>();
	readonly #objects: Readonly<Record<Kind, Map<string, VaultObject>>> = { secrets: new Map(), keys: new Map(), certificates: new Map() };

	constructor(name: string, options: VaultOptions) {
		this.name = name;
		this.options = options;
	}

	get host(): string {
		return `${this.name}.${this.options.cloud.vaultSuffix}`.toLowerCase();
	}

	allows(client: string, kind: Kind, action: string): boolean {
		const allowed: readonly string[] = this.permissions.get(client)?.[kind] ?? [];
		return allowed.includes(action);
	}

	/** Those that are not deleted, by name. */
	all(kind: Kind): readonly VaultObject[] {
		const live = [...this.#objects[kind].values()].filter(({ deletedAt }) => deletedAt === undefined);
		return live.sort((left, right) => (left.name < right.name ? -1 : 1));
	}

	/** Also one that is deleted and can be recovered. */
	find(kind: Kind, name: string): VaultObject | undefined {
		return this.#objects[kind].get(name.toLowerCase());
	}

	/**
	 * Adds a version, and the object when it is not there.
	 *
	 * @throws Error for a name that Key Vault does not have, or one that is deleted and not yet purged
	 */
	add(name: string, content: Content, options: VersionOptions): string {
		if (!/^[0-9a-zA-Z-]{1,127}$/.test(name)) throw new Error(`${name} is no name of Key Vault's: letters, digits and dashes, at most 127`);
		const object = this.find(content.kind, name) ?? { name, versions: [], deletedAt: undefined };
		if (object.deletedAt !== undefined) throw new Error(`${name} is deleted: recover or purge it first`);
		const id = options.version ?? randomBytes(16).toString("hex");
		const last = object.versions.at(-1)?.created.getTime() ?? 0;
		const created = options.created ?? new Date(Math.max(Date.now(), last + 1000));
		object.versions.push({ id, created, updated: created, options, content });
		this.#objects[content.kind].set(name.toLowerCase(), object);
		return id;
	}

	purge(kind: Kind, name: string): void {
		this.#objects[kind].delete(name.toLowerCase());
	}
}

/** Changes one version's attributes, or the newest one's. */
export function changeAttributes(object: VaultObject, version: string | undefined, changes: AttributeChanges): void {
	const changed = version === undefined ? object.versions.at(-1) : object.versions.find(({ id }) => id === version);
	if (changed === undefined) throw new Error(`${object.name} has no version ${version}`);
	changed.options = { ...changed.options, ...changes };
	changed.updated = new Date();
}

export function isEnabled({ options }: Version): boolean {
	return options.enabled ?? true;
}
