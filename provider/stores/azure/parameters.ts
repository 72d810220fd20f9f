import type { Faults } from "../../plan/faults.ts";
import { quote } from "../../plan/fields.ts";
import { goQuote, parseGoBoolean } from "../../shared/go-text.ts";
import { isClientId } from "./client-id.ts";
import { findCloudName } from "./clouds.ts";
import { type AzureInstance, type AzureOptions, type IdentityKind, makeAzureInstance, podIdentity } from "./instance.ts";
import { loginPrefix, mountPrefix } from "./legacy-texts.ts";

/** What a class says beside its objects. */
export interface AzureParameters {
	readonly options: AzureOptions;
	/** The client, or the node's identity; empty where the login says who it is. */
	readonly role: string;
}

/** The parameters that choose another identity than the pod's own, in the order in which today's provider reads them. */
const identityFlags = ["usePodIdentity", "useVMManagedIdentity", "useAzureTokenProxy"] as const;

/**
 * Reads all parameters but `objects`, and notes faults in the order in which today's provider finds them. Empty texts
 * count as not written.
 *
 * @param defaults the administrator's, for what the class leaves open
 */
export function readParameters(parameters: ReadonlyMap<string, string>, defaults: AzureOptions, faults: Faults): AzureParameters {
	const text = (name: string) => (parameters.get(name) ?? "").trim();
	const [usesPodIdentity, usesNode, usesProxy] = identityFlags.map((name) => readFlag(name, text(name), faults));
	const chosen = [usesPodIdentity, usesNode, usesProxy].filter((flag) => flag === true).length;
	if (chosen > 1) rejectSeveral(faults);
	else if (usesPodIdentity === true) faults.add("usePodIdentity", podIdentity.problem, podIdentity.remedy);
	const vault = required({ name: "keyvaultName", legacyName: "keyvaultName" }, text("keyvaultName") || defaults.vault, faults);
	const tenant = required({ name: "tenantID", legacyName: "tenantId" }, text("tenantID") || text("tenantId") || defaults.tenant, faults);
	const client = text("clientID");
	const identity: IdentityKind = usesNode === true ? "vm" : usesProxy === true ? "binding" : client === "" ? "principal" : "workload";
	const options = { ...inCloud(text("cloudName"), defaults, faults), vault, tenant, identity };
	if (identity === "vm") return { options, role: readClient("userAssignedIdentityID", text("userAssignedIdentityID"), faults) };
	if (identity === "binding" && client === "") rejectUnbound(faults);
	return { options, role: readClient("clientID", client, faults) };
}

/** The instance of a class, whose faults today's provider finds after those of the objects. */
export function planInstance(options: AzureOptions, faults: Faults): AzureInstance {
	const { vault } = options;
	return makeAzureInstance({ name: "azure", ...options }, (option, message, remedy) => {
		if (option === "vault") faults.addLegacy(vaultText(vault), "keyvaultName", message, remedy);
		else if (option === "tenant") faults.add("tenantID", message, remedy);
		else if (option === "tokenProxy")
			faults.add("useAzureTokenProxy", `is true, and the cluster's token proxy ${message}`, administratorsRemedy(option));
		else faults.add("cloudName", `is ${options.cloud}, whose ${option} ${message}`, administratorsRemedy(option));
	});
}

function administratorsRemedy(option: string): string {
	return `The administrator says where it is: dialects.azure.${option} of the policy file.`;
}

/** Go counts bytes. */
function vaultText(vault: string): string {
	const isLong = Buffer.byteLength(vault) < 3 || Buffer.byteLength(vault) > 24;
	const rule = isLong ? "must be between 3 and 24 chars" : "must match [-a-zA-Z0-9]{3,24}";
	return `${mountPrefix}failed to get vault: Invalid vault name: ${goQuote(vault)}, ${rule}`;
}

function readFlag(name: string, text: string, faults: Faults): boolean {
	if (text === "") return false;
	const flag = parseGoBoolean(text);
	if (flag !== undefined) return flag;
	const legacyText = `${mountPrefix}failed to parse ${name} flag, error: strconv.ParseBool: parsing ${goQuote(text)}: invalid syntax`;
	faults.addLegacy(legacyText, name, `is ${quote(text)}, which is not a boolean`, "Write true or false.");
	return false;
}

function rejectSeveral(faults: Faults): void {
	const names = "usePodIdentity, useVMManagedIdentity, or useAzureTokenProxy";
	const legacyText = `${mountPrefix}only one identity mode can be enabled at a time: ${names}`;
	faults.addLegacy(legacyText, "useVMManagedIdentity", `stands beside another way to log in (${names})`, "Keep one of them.");
}

function rejectUnbound(faults: Faults): void {
	const legacyText = `${mountPrefix}${loginPrefix}AzureTokenProxy: clientID is required for identity binding`;
	faults.addLegacy(legacyText, "clientID", "is missing", "Write the client id of the identity that is bound to the cluster.");
}

interface RequiredParameter {
	readonly name: string;
	/** How today's provider calls it. */
	readonly legacyName: string;
}

function required({ name, legacyName }: RequiredParameter, text: string, faults: Faults): string {
	if (text === "") faults.addLegacy(`${mountPrefix}${legacyName} is not provided`, name, "is missing", "Add it.");
	return text;
}

/** What the administrator says of addresses is about the administrator's cloud: the others have their own. */
function inCloud(name: string, defaults: AzureOptions, faults: Faults): AzureOptions {
	if (name === "") return defaults;
	const cloud = findCloudName(name);
	if (cloud === undefined) {
		const legacyText = `${mountPrefix}cloudName ${name} is not valid, error: autorest/azure: There is no cloud environment matching the name ${goQuote(name.toUpperCase())}`;
		faults.addLegacy(
			legacyText,
			"cloudName",
			`is ${quote(name)}, which is no cloud of Azure's`,
			"Write AzurePublicCloud, AzureUSGovernmentCloud, AzureChinaCloud, AzureGermanCloud or AzureStackCloud.",
		);
	}
	if (cloud === undefined || cloud === defaults.cloud) return defaults;
	return { ...defaults, cloud, authority: "", vaultSuffix: "", resource: "", caFile: "" };
}

function readClient(name: string, client: string, faults: Faults): string {
	if (client !== "" && !isClientId(client))
		faults.add(name, `is ${quote(client)}, which is no client id`, "Write it as 8f6c1c2e-58a7-4c1e-a5cf-3f2f5c1f0d11.");
	return client;
}
