import { STATUS_CODES } from "node:http";
import { type ErrorCode, ProviderError } from "../../errors.ts";
import { quote } from "../../plan/fields.ts";
import type { Absent, Denied, Failed, Identity } from "../store.ts";
import type { CiphertextRef } from "./ciphertext-ref.ts";
import { type FailureKind, kindOf, type VaultError, vaultErrorOf } from "./failure-kinds.ts";
import type { AzureInstance } from "./instance.ts";
import { NoValue } from "./read-failure.ts";
import { describeIdentity, vaultName, versionArguments } from "./words.ts";

/** What is to be decrypted, and for whom. */
export interface KmsCall {
	readonly ref: CiphertextRef;
	readonly instance: AzureInstance;
	readonly identity: Identity;
}

interface Verdict {
	readonly code: ErrorCode;
	/** A clause behind "The ciphertext of … (key …)". */
	readonly says: string;
	readonly remedy: string;
}

const resealRemedy = "Seal it anew for this pod with `claviger seal azure`.";
const addressRemedy = "Check that the vault's address leads to Key Vault itself and not to a proxy's page.";

/** What an error means for the value: of Key Vault's answer only status and codes are shown. */
export function kmsOutcome(error: unknown, call: KmsCall): Absent | Denied | Failed {
	if (error instanceof NoValue)
		return outcomeOf(call, { code: "unreachable", says: `Key Vault gave no usable answer: ${error.message}`, remedy: addressRemedy });
	const answer = vaultErrorOf(error);
	if (answer === undefined) return unanswered(ProviderError.from(error), call);
	const verdict = answer.innerCode === "KeyOperationForbidden" ? forbiddenOperation(call) : verdicts[kindOf(answer)](call);
	return outcomeOf(call, { ...verdict, says: `${verdict.says} (${sayingOf(answer)})` });
}

/** The value names other pods than the one that asks. */
export function madeForOthers(call: KmsCall): Failed {
	const { sealed } = call.ref;
	const audiences = sealed.kind === "jwe" ? sealed.jwe.audiences.slice(0, 3).map(quote).join(", ") : "";
	const { namespace, serviceAccount } = call.identity;
	return failure(
		call,
		"invalid",
		`it is sealed for ${audiences}, and the pod is one of ${quote(`${namespace}/${serviceAccount}`)}`,
		resealRemedy,
	);
}

/** The value names another object than it is delivered as. */
export function otherObject(call: KmsCall): Failed {
	const { sealed } = call.ref;
	const subject = sealed.kind === "jwe" ? (sealed.jwe.subject ?? "") : "";
	return failure(call, "invalid", `it is sealed as ${quote(subject)}`, `Deliver it under that name. ${resealRemedy}`);
}

/** Key Vault unwrapped a key, and what lies around it was not sealed with that. */
export function damaged(call: KmsCall): Failed {
	const says = "it does not open with its key: it is damaged, or was changed after it was sealed";
	return failure(call, "invalid", says, `Copy the entry whole. ${resealRemedy}`);
}

/** What Key Vault decrypted may be the key of an envelope that is bound to others, taken out of it. */
export function likeDataKey(call: KmsCall): Failed {
	const says = "it holds 32 bytes, as the keys of envelopes do, and may be one out of an envelope for somebody else";
	return failure(call, "invalid", says, "Seal the value as an envelope, with `claviger seal azure`.");
}

/** Key Vault says of a deleted key what it says of one that never was; this is for who has looked among the deleted. */
export function deletedKey(call: KmsCall): Absent {
	const says = "the key is deleted, and can still be recovered";
	const remedy = `Take it back: az keyvault key recover ${keyArguments(call, "")}`;
	return { kind: "absent", error: errorOf(call, { code: "absent", says, remedy }) };
}

const verdicts: Readonly<Record<FailureKind, (call: KmsCall) => Verdict>> = {
	absent: (call) => ({
		code: "absent",
		says: "the vault has no such key",
		remedy: `Check its name and version: az keyvault key list-versions ${keyArguments(call, "")}`,
	}),
	denied: (call) => ({
		code: "denied",
		says: `the vault does not let ${describeIdentity(call)} ${operationOf(call)} with the key`,
		remedy: rightRemedy(call),
	}),
	disabled: (call) => ({
		code: "denied",
		says: "the key is disabled",
		remedy: `Enable it: az keyvault key set-attributes --enabled true ${keyArguments(call)}; or seal the value with another.`,
	}),
	firewall: () => ({
		code: "unreachable",
		says: "the vault lets nobody in from this node's network",
		remedy: "Add the network of the nodes, or a private endpoint, to the vault's networking.",
	}),
	invalid: () => ({
		code: "invalid",
		says: "it does not open with this version of the key",
		remedy: `Name the version that encrypted it; otherwise it is damaged, or was encrypted by another key or algorithm. ${resealRemedy}`,
	}),
	throttled: () => ({ code: "unreachable", says: "the vault limits the rate of requests", remedy: "It is asked again." }),
	outage: () => ({
		code: "unreachable",
		says: "the vault could not decrypt it",
		remedy: "It is asked again; see https://status.azure.com if it lasts.",
	}),
	nonsense: () => ({ code: "unreachable", says: "the vault gave no usable answer", remedy: addressRemedy }),
};

/** Whoever took the operation from the key decided that nobody may have its values. */
function forbiddenOperation(call: KmsCall): Verdict {
	const operation = operationOf(call);
	return {
		code: "denied",
		says: `the key is not one to ${operation} with`,
		remedy: `Allow it: az keyvault key set-attributes --ops ${operation} … ${keyArguments(call)}; or seal the value with another key.`,
	};
}

function rightRemedy(call: KmsCall): string {
	const { instance, identity } = call;
	const vault = instance.vault === "" ? "VAULT" : instance.vault;
	const client = identity.role === "" ? "CLIENT_ID" : identity.role;
	const policy = `az keyvault set-policy --name ${vault} --spn ${client} --key-permissions ${operationOf(call)}`;
	return `Give the client the role "Key Vault Crypto User" on the key; where the vault goes by access policies: ${policy}`;
}

/** What the permission and the operation are called. */
function operationOf({ ref }: KmsCall): "unwrapKey" | "decrypt" {
	return ref.sealed.kind === "jwe" ? "unwrapKey" : "decrypt";
}

function keyArguments({ ref, instance }: KmsCall, version = ref.version): string {
	return versionArguments({ instance, kind: "key", name: ref.name, version });
}

function sayingOf({ status, code, innerCode }: VaultError): string {
	if (status === 0) return "it is not of Key Vault's form";
	const parts = [`status ${status} ${STATUS_CODES[status] ?? ""}`.trim(), code, innerCode];
	return parts.filter((part) => part !== "").join(", ");
}

/** No answer at all: our transport says server, stage and fact. What the session itself has judged stays. */
function unanswered(error: ProviderError, call: KmsCall): Absent | Denied | Failed {
	const { code, message, remedy, stage = "read", cause } = error;
	const known = new ProviderError(code, `${describe(call)}: ${message}`, { stage, cause, ...(remedy === undefined ? {} : { remedy }) });
	return code === "denied" ? { kind: "denied", error: known } : { kind: "failed", error: known };
}

function outcomeOf(call: KmsCall, verdict: Verdict): Absent | Denied | Failed {
	const { code } = verdict;
	return { kind: code === "denied" || code === "absent" ? code : "failed", error: errorOf(call, verdict) };
}

function failure(call: KmsCall, code: ErrorCode, says: string, remedy: string): Failed {
	return { kind: "failed", error: errorOf(call, { code, says, remedy }) };
}

function errorOf(call: KmsCall, { code, says, remedy }: Verdict): ProviderError {
	return new ProviderError(code, `${describe(call)}: ${says}.`, { stage: "read", remedy });
}

/** Key and header are no secrets: who may not decrypt learns nothing from them, and who mends it needs them. */
function describe({ ref: { objectName, name, version }, instance }: KmsCall): string {
	const which = version === "" ? "its newest version" : `version ${version}`;
	return `The ciphertext of ${quote(objectName)} (key ${name}, ${which}, in ${vaultName(instance)})`;
}
