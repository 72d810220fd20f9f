import { ProviderError } from "../../errors.ts";
import { quote } from "../../plan/fields.ts";
import { describeContext } from "../../sealing/binding.ts";
import type { Absent, Denied, Failed, Identity } from "../store.ts";
import { contextPairs } from "./kms-context.ts";
import type { CiphertextRef } from "./ref.ts";

type Refusal = { readonly code: "denied" | "absent" | "invalid" | "unreachable"; readonly says: string; readonly remedy: string };

const resealRemedy = "Seal the value anew with `claviger seal kms`.";
const damagedRemedy =
	"Either it is damaged, or it was sealed for another namespace, service account, object name or context: KMS does not say which. Seal it anew for this pod with `claviger seal kms`, with this object name and these pairs.";

/**
 * What KMS's refusals mean. Source: KMS API reference, errors of Decrypt. A disabled key, and one whose deletion has
 * begun, is somebody's decision that nobody may have the value, so it is a denial and no outage.
 */
const refusals: Readonly<Record<string, Refusal>> = {
	AccessDeniedException: {
		code: "denied",
		says: "the pod's role may not decrypt with the key",
		remedy:
			"Allow the role kms:Decrypt on the key, in its policy and in the key's own; a condition on kms:EncryptionContext must match the context.",
	},
	DisabledException: {
		code: "denied",
		says: "the key is disabled",
		remedy: "Enable the key (aws kms enable-key), or seal the value with another.",
	},
	NotFoundException: {
		code: "absent",
		says: "there is no such key",
		remedy: "Check keyId, the region and the account; the value of a deleted key is lost for good and must be sealed anew from its source.",
	},
	IncorrectKeyException: {
		code: "invalid",
		says: "another key than the one named has encrypted it",
		remedy: `Correct keyId. ${resealRemedy}`,
	},
	InvalidCiphertextException: { code: "invalid", says: "it does not open with this context", remedy: damagedRemedy },
	InvalidKeyUsageException: {
		code: "invalid",
		says: "the key is not one that encrypts and decrypts",
		remedy: "Use a symmetric key with the usage ENCRYPT_DECRYPT.",
	},
	InvalidArnException: {
		code: "invalid",
		says: "keyId is not the ARN of a key there",
		remedy: "Correct keyId, whose region must be the store's.",
	},
	InvalidGrantTokenException: { code: "invalid", says: "a grant token is not valid", remedy: "Renew grantTokens, or remove them." },
	ValidationException: {
		code: "invalid",
		says: "KMS finds the request malformed",
		remedy: `Correct keyId and grantTokens. ${resealRemedy}`,
	},
	KeyUnavailableException: { code: "unreachable", says: "the key is not available at the moment", remedy: "It is asked again." },
	DependencyTimeoutException: { code: "unreachable", says: "KMS ran out of time", remedy: "It is asked again." },
	KMSInternalException: { code: "unreachable", says: "KMS failed inside", remedy: "It is asked again." },
};

const deleted: Refusal = {
	code: "denied",
	says: "the key is scheduled for deletion, or its key material is deleted",
	remedy: "Cancel the deletion (aws kms cancel-key-deletion) or import the key material again, or seal the value with another key.",
};
const busy: Refusal = {
	code: "unreachable",
	says: "the key's state does not allow it at the moment",
	remedy: "See the key's state (aws kms describe-key); it is asked again.",
};

/** What is asked for, and by whom. */
export interface KmsCall {
	readonly ref: CiphertextRef;
	readonly identity: Identity;
}

/**
 * What a refusal of KMS means for the object: `failed` with code `invalid` when ciphertext, key and context do not
 * belong together, with `unreachable` when the key cannot be used for now. Undefined when the error is none of KMS's
 * own, such as a lost connection or an expired session.
 */
export function kmsRefusal(error: unknown, call: KmsCall): Absent | Denied | Failed | undefined {
	const refusal = error instanceof Error ? refusalOf(error) : undefined;
	if (refusal === undefined || !(error instanceof Error)) return undefined;
	const { code, says, remedy } = refusal;
	const known = new ProviderError(code, `${describe(call)}: ${says} (${error.name}).`, { remedy, stage: "read" });
	return { kind: code === "denied" || code === "absent" ? code : "failed", error: known };
}

/** KMS opened the data key, and the envelope around the value is not what was sealed with it. */
export function damagedEnvelope(call: KmsCall): ProviderError {
	const remedy =
		"Either it is damaged, or its parts come from different entries. Seal the value anew with `claviger seal kms`, and copy the entry whole.";
	return new ProviderError("invalid", `${describe(call)}: the envelope does not open with its data key.`, { remedy, stage: "read" });
}

/** What KMS decrypted is not the text of bytes that its entry says. */
export function undecodable(call: KmsCall): ProviderError {
	const message = `${describe(call)}: the decrypted text is not ${call.ref.encoding}.`;
	return new ProviderError("invalid", message, { remedy: "Correct encoding, or seal the value as it is.", stage: "read" });
}

/** An answer without what was asked for: from something else than KMS, and no word about the value. */
export function noPlaintext(call: KmsCall): ProviderError {
	return new ProviderError("unreachable", `${describe(call)}: the answer of KMS holds no plaintext.`, {
		remedy: "Check that the endpoint leads to KMS itself.",
		stage: "read",
	});
}

/** An alias leads wherever its owner points it, so one of another account is no name for a key. */
export function foreignAlias(call: KmsCall): ProviderError {
	return new ProviderError("invalid", `${describe(call)}: keyId is an alias of another account than the role's.`, {
		remedy: "Name the key by its ARN (…:key/…) instead of an alias.",
		stage: "read",
	});
}

function refusalOf(error: Error): Refusal | undefined {
	// The one error whose kind only its text tells; the text itself goes no further.
	if (error.name === "KMSInvalidStateException") return /pending (?:\w+ )?(?:deletion|import)/i.test(error.message) ? deleted : busy;
	return Object.hasOwn(refusals, error.name) ? refusals[error.name] : undefined;
}

/** Key and context are no secrets: who may not decrypt learns nothing from them, and who mends it needs them. */
function describe({ ref, identity }: KmsCall): string {
	const context = describeContext(contextPairs(ref, identity));
	const shown = context === "" ? "without a context" : `with the context ${context}`;
	return `The ciphertext of ${quote(ref.objectName)} (key ${quote(ref.keyId).slice(1, -1)}, ${shown})`;
}
