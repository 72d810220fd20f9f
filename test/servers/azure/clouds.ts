/** One of Azure's separate worlds: who issues tokens there, and what its vaults are called. */
export interface Cloud {
	/** As `cloudName` calls it. */
	readonly name: string;
	readonly authorityHost: string;
	/** What follows the vault's name in its host name. */
	readonly vaultSuffix: string;
	/** The audience of tokens for its vaults. */
	readonly vaultResource: string;
}

export const publicCloud: Cloud = {
	name: "AzurePublicCloud",
	authorityHost: "login.microsoftonline.com",
	vaultSuffix: "vault.azure.net",
	vaultResource: "https://vault.azure.net",
};

const governmentCloud: Cloud = {
	name: "AzureUSGovernmentCloud",
	authorityHost: "login.microsoftonline.us",
	vaultSuffix: "vault.usgovcloudapi.net",
	vaultResource: "https://vault.usgovcloudapi.net",
};

const chinaCloud: Cloud = {
	name: "AzureChinaCloud",
	authorityHost: "login.chinacloudapi.cn",
	vaultSuffix: "vault.azure.cn",
	vaultResource: "https://vault.azure.cn",
};

/** The clouds whose authorities instance discovery knows. */
export const knownClouds: readonly Cloud[] = [publicCloud, governmentCloud, chinaCloud];

/** A company's own cloud (AzureStackCloud). Instance discovery does not know its authority. */
export const stackCloud: Cloud = {
	name: "AzureStackCloud",
	authorityHost: "login.stack.test",
	vaultSuffix: "vault.stack.test",
	vaultResource: "https://vault.stack.test",
};

export const allClouds: readonly Cloud[] = [...knownClouds, stackCloud];

/** Tokens for this service are issued and are of no use for a vault. */
export const managementResource = "https://management.azure.com";

/** @throws Error when there is no such cloud */
export function cloudNamed(name: string): Cloud {
	const cloud = allClouds.find((candidate) => candidate.name === name);
	if (cloud === undefined) throw new Error(`there is no cloud ${name}`);
	return cloud;
}
