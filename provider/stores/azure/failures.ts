import { STATUS_CODES } from "node:http";
import { type ErrorCode, ProviderError } from "../../errors.ts";
import { type Absent, type Failed, type Outcome, outcomeOf } from "../store.ts";
import { type FailureKind, kindOf, type VaultError, vaultErrorOf } from "./failure-kinds.ts";
import type { AzureInstance } from "./instance.ts";
import {
	azureText,
	describeIdentity,
	describeThing,
	type FailedRead,
	objectUrl,
	placeArguments,
	vaultName,
	versionArguments,
} from "./words.ts";

/** What an error means, with the vault and the thing named: a sentence without its end, which the status is put at. */
interface Verdict {
	readonly code: ErrorCode;
	readonly message: string;
	readonly remedy: string;
}

/** The failure as what the session answers: the vault's word, or a failure of this one thing. */
export function readOutcome(error: unknown, read: FailedRead): Outcome | Failed {
	return outcomeOf(readError(error, read));
}

/** The failure as an error whose code says whose fault it is. Of the vault's answer only status and codes are shown. */
export function readError(error: unknown, read: FailedRead): ProviderError {
	const answer = vaultErrorOf(error);
	if (answer === undefined) return unanswered(ProviderError.from(error), read);
	const { code, message, remedy } = verdicts[kindOf(answer)](read);
	const status = `${answer.status} ${STATUS_CODES[answer.status] ?? ""}`.trim();
	const legacyText = azureText({ method: "GET", url: objectUrl(read), status, code: answer.code });
	return new ProviderError(code, `${message} (${sayingOf(answer)}).`, { stage: "read", remedy, legacyText });
}

/** Key Vault says of a deleted thing what it says of one that never was; this is for who has looked among the deleted. */
export function deletedOutcome({ error }: Absent, read: FailedRead): Absent {
	const message = `The ${describeThing(read)} in ${vaultName(read.instance)} is deleted, and can still be recovered.`;
	const legacyText = error.legacyText === undefined ? {} : { legacyText: error.legacyText };
	const remedy = `Take it back: az keyvault ${read.kind} recover ${placeArguments(read)}`;
	return { kind: "absent", error: new ProviderError("absent", message, { stage: "read", remedy, ...legacyText }) };
}

/** The answer claims success and holds nothing of what was asked for: an outage, never an absence. */
export function nonsense(read: FailedRead, what: string): Failed {
	const message = `${vaultName(read.instance)} gave no usable answer to the request for the ${describeThing(read)}: ${what}.`;
	return { kind: "failed", error: new ProviderError("unreachable", message, { stage: "read", remedy: addressRemedy }) };
}

/**
 * The vault does not take the access token. It names in its challenge whose tokens it takes, which tells a wrong tenant
 * or cloud from a token that has ended.
 *
 * @param challenge the header WWW-Authenticate; empty when there was none
 */
export function refusedToken(challenge: string, instance: AzureInstance): ProviderError {
	const { authority, resource } = readChallenge(challenge);
	const vault = vaultName(instance);
	if (authority === undefined || resource === undefined)
		return new ProviderError("unreachable", `${vault} gave no usable answer (status 401).`, { stage: "read", remedy: addressRemedy });
	if (resource.toLowerCase() !== instance.resource.toLowerCase()) {
		const message = `${vault} takes tokens for ${resource}, and not for ${instance.resource}.`;
		return new ProviderError("invalid", message, { stage: "login", remedy: "Correct cloudName (in the dialect claviger: cloud)." });
	}
	const tenant = authority.split("/").pop() ?? "";
	if (isId(tenant) && isId(instance.tenant) && tenant.toLowerCase() !== instance.tenant.toLowerCase()) {
		const message = `${vault} belongs to the tenant ${tenant}, and takes no tokens of the tenant ${instance.tenant}.`;
		return new ProviderError("denied", message, {
			stage: "login",
			remedy: `Correct tenantID (in the dialect claviger: tenant) to ${tenant}.`,
		});
	}
	return new ProviderError("unreachable", `${vault} does not accept the session's access token any more.`, {
		stage: "read",
		remedy: "The next attempt logs in anew; check the node's clock if it lasts.",
	});
}

/** What the challenge says, as far as it has the form of addresses. Source: Key Vault, "Authentication, requests and responses". */
export function readChallenge(challenge: string): { readonly authority: string | undefined; readonly resource: string | undefined } {
	const field = (name: string) => new RegExp(`\\b${name}="(https://[\\w./:-]{1,300})"`).exec(challenge)?.[1]?.replace(/\/+$/, "");
	return { authority: field("authorization"), resource: field("resource") ?? field("scope")?.replace(/\/\.default$/, "") };
}

function isId(tenant: string): boolean {
	return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(tenant);
}

const addressRemedy = "Check that its address leads to Key Vault itself and not to a proxy's page.";
const laterRemedy = "It is asked again; see https://status.azure.com if it lasts.";
const rateRemedy = "It is asked again; ask less often (--poll-interval, --max-age), or divide what is in the vault among several.";

const verdicts: Readonly<Record<FailureKind, (read: FailedRead) => Verdict>> = {
	absent: (read) => ({
		code: "absent",
		message: `${vaultName(read.instance)} has no ${describeThing(read)}`,
		remedy: `Check its name and version: az keyvault ${read.kind} list-versions ${placeArguments(read)}`,
	}),
	denied: (read) => ({
		code: "denied",
		message: `${vaultName(read.instance)} denies the ${describeThing(read)} to ${describeIdentity(read)}`,
		remedy: rightRemedy(read),
	}),
	disabled: (read) => ({
		code: "denied",
		message: `The ${describeThing(read)} in ${vaultName(read.instance)} is disabled, and given to nobody`,
		remedy: `Enable it, or name another version: az keyvault ${read.kind} set-attributes --enabled true ${versionArguments(read)}`,
	}),
	firewall: (read) => ({
		code: "unreachable",
		message: `${vaultName(read.instance)} lets nobody in from this node's network, and did not give the ${describeThing(read)}`,
		remedy: "Add the network of the nodes, or a private endpoint, to the vault's networking.",
	}),
	invalid: (read) => ({
		code: "invalid",
		message: `${vaultName(read.instance)} does not understand the request for the ${describeThing(read)}`,
		remedy: "Check its name and version: a name is of letters, digits and dashes, a version of 32 hexadecimal digits.",
	}),
	throttled: (read) => ({
		code: "unreachable",
		message: `${vaultName(read.instance)} limits the rate of requests, and did not give the ${describeThing(read)}`,
		remedy: rateRemedy,
	}),
	outage: (read) => ({
		code: "unreachable",
		message: `${vaultName(read.instance)} could not give the ${describeThing(read)}`,
		remedy: laterRemedy,
	}),
	nonsense: (read) => ({
		code: "unreachable",
		message: `${vaultName(read.instance)} gave no usable answer to the request for the ${describeThing(read)}`,
		remedy: addressRemedy,
	}),
};

const roles = { secret: "Key Vault Secrets User", key: "Key Vault Crypto User", certificate: "Key Vault Certificate User" } as const;

function rightRemedy({ kind, action, instance, identity }: FailedRead): string {
	const vault = instance.vault === "" ? "VAULT" : instance.vault;
	const client = identity.role === "" ? "CLIENT_ID" : identity.role;
	const policy = `az keyvault set-policy --name ${vault} --spn ${client} --${kind}-permissions ${action}`;
	return `Give the client the role "${roles[kind]}" on the vault; where the vault goes by access policies: ${policy}`;
}

function sayingOf({ status, code, innerCode }: VaultError): string {
	if (status === 0) return "it is not of Key Vault's form";
	return [`status ${status}`, code, innerCode].filter((part) => part !== "").join(", ");
}

/** No answer at all: our transport says server, stage and fact. What the session itself has judged stays. */
function unanswered(error: ProviderError, read: FailedRead): ProviderError {
	const { code, message, remedy, stage = "read", legacyText, cause } = error;
	if (code === "stopped" || code === "internal") return error;
	return new ProviderError(code, `The ${describeThing(read)}: ${message}`, {
		stage,
		...(remedy === undefined ? {} : { remedy }),
		...(legacyText === undefined ? {} : { legacyText }),
		cause,
	});
}
