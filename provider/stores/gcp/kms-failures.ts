import { type ErrorCode, ProviderError } from "../../errors.ts";
import { quote } from "../../plan/fields.ts";
import { additionalData } from "../../sealing/crypto-key.ts";
import type { Absent, Denied, Failed, Identity } from "../store.ts";
import type { CiphertextRef } from "./ciphertext-ref.ts";
import { type ErrorKind, kindOf } from "./failures.ts";
import { googleErrorOf } from "./google-error.ts";
import type { GcpInstance } from "./instance.ts";
import { describeIdentity, memberOf } from "./words.ts";

/** What is to be decrypted, and for whom. */
export interface KmsCall {
	readonly ref: CiphertextRef;
	readonly instance: GcpInstance;
	readonly identity: Identity;
}

interface Verdict {
	readonly code: ErrorCode;
	/** A clause behind "The ciphertext of … (key …)". */
	readonly says: string;
	readonly remedy: string;
}

const addressRemedy = "Check that the endpoint leads to Google itself and not to a proxy's page.";

/** What an answer that is an error means for the value. Of Google's words only the status is shown. */
export function kmsAnswer(answer: { readonly status: number; readonly body: Buffer }, call: KmsCall): Absent | Denied | Failed {
	const told = googleErrorOf(answer.body);
	const verdict = verdicts[kindOf(answer.status, told)](call);
	const reason = told === undefined || told.reason === "" ? "" : `, ${told.reason}`;
	return outcomeOf(call, { ...verdict, says: `${verdict.says} (${told?.status ?? `status ${answer.status}`}${reason})` });
}

/** The answer claims success and holds nothing that may be believed: an outage, never an absence. */
export function unusable(call: KmsCall, what: string): Absent | Denied | Failed {
	return outcomeOf(call, { code: "unreachable", says: `Cloud KMS gave no usable answer: ${what}`, remedy: addressRemedy });
}

/** No answer at all: our transport says server, stage and fact. */
export function unanswered(error: ProviderError, call: KmsCall): Failed {
	const { code, message, remedy, stage = "read", cause } = error;
	const options = { stage, cause, ...(remedy === undefined ? {} : { remedy }) };
	return { kind: "failed", error: new ProviderError(code, `${describe(call)}: ${message}`, options) };
}

const verdicts: Readonly<Record<ErrorKind, (call: KmsCall) => Verdict>> = {
	absent: (call) => ({ code: "absent", says: "there is no such key", remedy: `Check its name: ${lookAt(call)}` }),
	destroyed: () => ({
		code: "absent",
		says: "the version of the key that encrypted it is destroyed",
		remedy: "What it held is gone: seal the value anew from its source with `claviger seal gcp`.",
	}),
	denied: (call) => ({
		code: "denied",
		says: `Cloud KMS does not let ${describeIdentity(call.instance, call.identity)} decrypt with the key`,
		remedy: `Allow it, and check the key's name: ${grant(call)}`,
	}),
	disabled: (call) => ({
		code: "denied",
		says: "the version of the key that encrypted it is disabled, or is to be destroyed",
		remedy: `Enable or restore it, or seal the value with another: ${lookAt(call)}`,
	}),
	off: () => ({
		code: "unreachable",
		says: "Cloud KMS is switched off for the project",
		remedy: "Switch it on: gcloud services enable cloudkms.googleapis.com",
	}),
	invalid: (call) => ({
		code: "invalid",
		says: "it does not open with this key and this additional data",
		remedy: `Either it is damaged, or it was sealed with another key, or ${othersOf(call)}: Cloud KMS does not say which. Seal it anew for this pod with \`claviger seal gcp\`.`,
	}),
	ended: () => ({
		code: "unreachable",
		says: "Cloud KMS does not accept the session's access token any more",
		remedy: "The next attempt logs in anew.",
	}),
	throttled: () => ({
		code: "unreachable",
		says: "Cloud KMS limits the rate of requests",
		remedy: "It is asked again; raise the project's quota if it lasts.",
	}),
	outage: () => ({ code: "unreachable", says: "Cloud KMS could not decrypt it", remedy: "It is asked again." }),
	nonsense: () => ({ code: "unreachable", says: "Cloud KMS gave no usable answer", remedy: addressRemedy }),
};

function othersOf({ ref: { bind } }: KmsCall): string {
	if (bind === "none") return "with another aad";
	return `for another namespace${bind === "namespace" ? "" : ", service account"}${bind === "object" ? ", object name" : ""} or \`bind\``;
}

function lookAt({ ref }: KmsCall): string {
	const { project, location, ring, key } = partsOf(ref);
	return `gcloud kms keys versions list --key ${key} --keyring ${ring} --location ${location} --project ${project}`;
}

function grant({ ref, instance, identity }: KmsCall): string {
	const { project, location, ring, key } = partsOf(ref);
	const where = `${key} --keyring ${ring} --location ${location} --project ${project}`;
	return `gcloud kms keys add-iam-policy-binding ${where} --role roles/cloudkms.cryptoKeyDecrypter --member ${memberOf(instance, identity)}`;
}

/** The name has been checked, so that no part needs quotes. */
function partsOf({ keyName }: CiphertextRef) {
	const [, project, , location, , ring, , key] = keyName.split("/");
	return { project, location, ring, key };
}

function outcomeOf(call: KmsCall, { code, says, remedy }: Verdict): Absent | Denied | Failed {
	const error = new ProviderError(code, `${describe(call)}: ${says}.`, { stage: "read", remedy });
	return { kind: code === "denied" || code === "absent" ? code : "failed", error };
}

/** Key and additional data are no secrets: who may not decrypt learns nothing from them, and who mends it needs them. */
function describe({ ref, identity: { namespace, serviceAccount } }: KmsCall): string {
	const { keyName, objectName: object, bind: kind, additionalText: text } = ref;
	const aad = additionalData({ kind, namespace, serviceAccount, object, text }).toString();
	const shown = aad === "" ? "without additional data" : `with the additional data ${quote(aad)}`;
	return `The ciphertext of ${quote(object)} (key ${keyName}, ${shown})`;
}
