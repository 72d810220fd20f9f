import { ProviderError } from "../../errors.ts";
import { type SealFailure, sealFailure } from "./failure.ts";

const credentialsRemedy = "Log in, or set AWS_PROFILE or the AWS_ACCESS_KEY_ID family; `aws sts get-caller-identity` must work.";
const invalidCredentials: SealFailure = ["denied", "Your AWS credentials are not valid, or have expired", credentialsRemedy];

/** Sources: KMS API reference, errors of Encrypt and GenerateDataKey, and common errors; the SDK's own names. */
const failures: Readonly<Record<string, SealFailure>> = {
	CredentialsProviderError: ["denied", "There are no AWS credentials here", credentialsRemedy],
	TokenProviderError: ["denied", "The single sign-on session is not valid", "Log in anew: aws sso login."],
	UnrecognizedClientException: invalidCredentials,
	InvalidClientTokenId: invalidCredentials,
	InvalidSignatureException: invalidCredentials,
	ExpiredTokenException: invalidCredentials,
	AccessDeniedException: [
		"denied",
		"Your AWS identity may not encrypt with the key",
		"Allow it kms:Encrypt and kms:GenerateDataKey, in its policy and in the key's own.",
	],
	NotFoundException: ["absent", "There is no such key", "Check --key-id, --region and the account that you are logged in to."],
	DisabledException: ["denied", "The key is disabled", "Enable it (aws kms enable-key), or use another."],
	KMSInvalidStateException: [
		"denied",
		"The key's state does not allow it",
		"See aws kms describe-key; a key to be deleted can be used no more.",
	],
	InvalidKeyUsageException: ["invalid", "The key is not one that encrypts", "Use a symmetric key with the usage ENCRYPT_DECRYPT."],
	InvalidArnException: ["invalid", "--key-id is not the ARN of a key there", "Correct it, or --region."],
	ValidationException: ["invalid", "KMS finds the request malformed", "Check --key-id and --context."],
	ThrottlingException: ["unreachable", "KMS limits the rate of requests", "Try again later."],
};

/** A failure in words of ours: what AWS wrote may repeat what it was sent. */
export function kmsSealFailure(error: unknown, keyId: string): ProviderError {
	if (error instanceof ProviderError) return error;
	const name = error instanceof Error ? error.name : "";
	return sealFailure(failureOf(error, name), { key: keyId, detail: name === "Error" ? "" : name, cause: error });
}

function failureOf(error: unknown, name: string): SealFailure {
	const known = Object.hasOwn(failures, name) ? failures[name] : undefined;
	if (known !== undefined) return known;
	if (error instanceof Error && error.message === "Region is missing")
		return ["invalid", "No region is known", "Give --region, name the key by its ARN, or set AWS_REGION."];
	if (error instanceof Error && "$fault" in error && error.$fault === "client")
		return ["invalid", "KMS refused the request", "See the name of the error in the KMS API reference."];
	return ["unreachable", "KMS gave no answer", "Check the network, --endpoint and the proxy, and try again."];
}
