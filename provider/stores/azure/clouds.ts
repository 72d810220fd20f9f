/** One of Azure's separate worlds. */
export interface Cloud {
	/** Who issues tokens, without a path. */
	readonly authority: string;
	/** What follows the vault's name and a dot in its host name. */
	readonly vaultSuffix: string;
	/** What tokens for its vaults are made for; vaults name it in their challenges. */
	readonly resource: string;
}

export const cloudNames = ["AzurePublicCloud", "AzureUSGovernmentCloud", "AzureChinaCloud", "AzureGermanCloud", "AzureStackCloud"] as const;

export type CloudName = (typeof cloudNames)[number];

/**
 * The clouds by the names that `cloudName` has for them; AzureStackCloud is a company's own, whose administrator says
 * where it is. Sources: Microsoft Entra, "National clouds"; Key Vault, "Vault name and object name"; go-autorest's
 * table of environments.
 */
export const clouds: Readonly<Record<Exclude<CloudName, "AzureStackCloud">, Cloud>> = {
	AzurePublicCloud: {
		authority: "https://login.microsoftonline.com",
		vaultSuffix: "vault.azure.net",
		resource: "https://vault.azure.net",
	},
	AzureUSGovernmentCloud: {
		authority: "https://login.microsoftonline.us",
		vaultSuffix: "vault.usgovcloudapi.net",
		resource: "https://vault.usgovcloudapi.net",
	},
	AzureChinaCloud: {
		authority: "https://login.chinacloudapi.cn",
		vaultSuffix: "vault.azure.cn",
		resource: "https://vault.azure.cn",
	},
	AzureGermanCloud: {
		authority: "https://login.microsoftonline.de",
		vaultSuffix: "vault.microsoftazure.de",
		resource: "https://vault.microsoftazure.de",
	},
};

/** The cloud of that name, whatever the case it is written in; undefined when there is none. */
export function findCloudName(text: string): CloudName | undefined {
	return cloudNames.find((name) => name.toLowerCase() === text.toLowerCase());
}
