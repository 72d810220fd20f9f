import { parseAddress } from "../../net/address.ts";
import { quote } from "../../plan/fields.ts";
import { type Cloud, clouds } from "./clouds.ts";
import type { AzureOptions, ReportOption } from "./instance.ts";

/** Where an instance asks. URLs have no slash at their end. */
export interface Places {
	readonly vaultUrl: string;
	/** Who is asked for access tokens: the authority, the token proxy or the metadata service. */
	readonly loginUrl: string;
	/** Who issues the tokens in the end, and is named in vaults' challenges. */
	readonly authority: string;
	/** What the tokens are made for. */
	readonly resource: string;
	/** Whether the administrator wrote the vault's address, so that it may lie outside the cloud's domain. */
	readonly hasOwnAddress: boolean;
}

/** The instance metadata service of every virtual machine. Source: Azure, "Azure Instance Metadata Service". */
export const metadataAddress = "169.254.169.254";
const metadataUrl = `http://${metadataAddress}`;

/** The rule of today's provider, which leaves nothing that could end a host name or change it. */
const vaultForm = /^[-A-Za-z0-9]{3,24}$/;
const tenantForm = /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;
const domainForm = /^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+$/;
const nowhere: Cloud = { authority: "", vaultSuffix: "", resource: "" };

/** Checks names and addresses, and derives those that are not written. */
export function checkPlaces(options: AzureOptions, report: ReportOption): Places {
	checkNames(options, report);
	const cloud = options.cloud === "AzureStackCloud" ? nowhere : clouds[options.cloud];
	const authority = checkAddress("authority", options.authority, report) || cloud.authority;
	const vaultSuffix = checkSuffix(options.vaultSuffix, report) || cloud.vaultSuffix;
	if (authority === "") report("authority", "is missing", "AzureStackCloud is your own cloud: write who issues its tokens.");
	if (vaultSuffix === "" && options.address === "")
		report("vaultSuffix", "is missing", "AzureStackCloud is your own cloud: write what its vaults' host names end in.");
	const address = checkAddress("address", options.address, report);
	const resource = checkAddress("resource", options.resource, report) || cloud.resource || `https://${vaultSuffix}`;
	return {
		vaultUrl: address || `https://${options.vault}.${vaultSuffix}`.toLowerCase(),
		loginUrl: loginUrl(options, authority, report),
		authority,
		resource,
		hasOwnAddress: address !== "",
	};
}

function checkNames({ vault, tenant }: AzureOptions, report: ReportOption): void {
	if (vault !== "" && !vaultForm.test(vault))
		report("vault", `is ${quote(vault)}, which is no name of a vault`, "Write 3 to 24 letters, digits and dashes, such as kv-main.");
	if (tenant !== "" && !tenantForm.test(tenant))
		report("tenant", `is ${quote(tenant)}, which is no tenant`, "Write the tenant's id, such as 3f1d5a52-7c0e-4d0a-9a55-0d3c1f6a0001.");
}

function loginUrl(options: AzureOptions, authority: string, report: ReportOption): string {
	const { identity, metadata, tokenProxy } = options;
	if (identity === "vm") return checkAddress("metadata", metadata, report, ["http", "https"]) || metadataUrl;
	if (identity !== "binding") return authority;
	if (tokenProxy.address === "")
		report("tokenProxy", "has no address", "Write the cluster's token proxy: tokenProxy: {address: https://…, serverName: …}.");
	return checkAddress("tokenProxy", tokenProxy.address, report);
}

function checkSuffix(text: string, report: ReportOption): string {
	if (text === "" || domainForm.test(text)) return text;
	report("vaultSuffix", `is ${quote(text)}, which is no domain`, "Write it as vault.example.com.");
	return "";
}

/** The SDK sends tokens over TLS alone. */
function checkAddress(
	option: "address" | "authority" | "resource" | "metadata" | "tokenProxy",
	text: string,
	report: ReportOption,
	schemes: readonly string[] = ["https"],
): string {
	if (text === "") return "";
	const address = parseAddress(text);
	if ("problem" in address) {
		report(option, address.problem, "Write it as https://name.example.");
		return "";
	}
	if (schemes.includes(address.scheme)) return address.text;
	report(option, `has the scheme ${address.scheme}`, "Write it as https://name.example.");
	return "";
}
