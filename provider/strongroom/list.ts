import { type Content, contents } from "./keys.ts";
import type { SecretAddress } from "./names.ts";
import { numberOf, type Rows, textOf, wordOf } from "./storage.ts";

/** What may be known of a secret: neither its value, nor its length, nor a hash of it. */
export interface SecretSummary extends SecretAddress {
	readonly version: number;
	readonly content: Content;
	/** How many versions are kept. */
	readonly kept: number;
	/** ISO 8601, UTC. */
	readonly updated: string;
	readonly actor: string;
}

/** What may be known of a version. */
export interface VersionSummary {
	readonly version: number;
	readonly content: Content;
	readonly state: "current" | "kept" | "destroyed";
	readonly created: string;
	readonly actor: string;
}

/** The secrets that are not deleted, of one namespace or of all. Needs no key; nothing here is proved. */
export async function listSecrets(rows: Rows, namespace?: string): Promise<readonly SecretSummary[]> {
	const found = await rows.all(
		`SELECT secrets.namespace, secrets.name, secrets.current, versions.content, versions.created, versions.actor,
			(SELECT COUNT(*) FROM versions AS kept WHERE kept.secret = secrets.id AND kept.state = 'kept') AS kept
		FROM secrets JOIN versions ON versions.secret = secrets.id AND versions.version = secrets.current
		WHERE secrets.state = 'kept' AND (? = '' OR secrets.namespace = ?)
		ORDER BY secrets.namespace, secrets.name`,
		namespace ?? "",
		namespace ?? "",
	);
	return found.map((row) => ({
		namespace: textOf(row, "namespace"),
		name: textOf(row, "name"),
		version: numberOf(row, "current"),
		content: wordOf(row, "content", contents),
		kept: numberOf(row, "kept"),
		updated: textOf(row, "created"),
		actor: textOf(row, "actor"),
	}));
}

/** The versions of one secret, newest first; none when there is no such secret. */
export async function listVersions(rows: Rows, address: SecretAddress): Promise<readonly VersionSummary[]> {
	const found = await rows.all(
		`SELECT versions.*, secrets.current FROM versions JOIN secrets ON secrets.id = versions.secret
		WHERE secrets.namespace = ? AND secrets.name = ? ORDER BY versions.version DESC`,
		address.namespace,
		address.name,
	);
	return found.map((row) => {
		const version = numberOf(row, "version");
		const state = wordOf(row, "state", ["kept", "destroyed"] as const);
		return {
			version,
			content: wordOf(row, "content", contents),
			state: state === "kept" && version === numberOf(row, "current") ? "current" : state,
			created: textOf(row, "created"),
			actor: textOf(row, "actor"),
		};
	});
}
