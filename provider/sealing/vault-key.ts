/** A key of Key Vault by its identifier. Source: Key Vault, "Objects, identifiers, and versioning". */
export interface VaultKeyName {
	/** `https://<host>`. */
	readonly vaultUrl: string;
	readonly name: string;
	/** 32 hexadecimal digits; empty for the newest. */
	readonly version: string;
}

export const vaultKeyRemedy =
	"Write its identifier, such as https://kv-main.vault.azure.net/keys/shop; az keyvault key show tells it as kid.";

const form = /^https:\/\/([a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d{1,5})?)\/keys\/([0-9a-z-]{1,127})(?:\/([0-9a-f]{32})?)?$/i;

/** Reads a key's identifier; undefined when it is none. */
export function readVaultKeyName(text: string): VaultKeyName | undefined {
	const [, host, name, version = ""] = form.exec(text) ?? [];
	return host === undefined || name === undefined ? undefined : { vaultUrl: `https://${host}`, name, version };
}
