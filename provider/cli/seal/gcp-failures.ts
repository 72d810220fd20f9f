import { ProviderError } from "../../errors.ts";
import { type SealFailure, sealFailure, statusDetail } from "./failure.ts";

const credentialsRemedy = "Log in with gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS.";
const invalidCredentials: SealFailure = ["denied", "Your Google credentials are not valid, or have expired", credentialsRemedy];
const unreachable: SealFailure = ["unreachable", "Cloud KMS gave no answer", "Check the network, --endpoint and the proxy, and try again."];

/** Sources: Cloud KMS API v1 and AIP-193, by HTTP status. */
const byStatus: ReadonlyMap<number, SealFailure> = new Map<number, SealFailure>([
	[
		400,
		[
			"invalid",
			"Cloud KMS refused the request: the key is disabled or not symmetric, or the value too long for it",
			"See gcloud kms keys describe; a key in an HSM encrypts 8 KiB at most.",
		],
	],
	[401, invalidCredentials],
	[
		403,
		[
			"denied",
			"Your Google identity may not encrypt with the key, or there is none",
			"Have roles/cloudkms.cryptoKeyEncrypter on the key, and check --key.",
		],
	],
	[404, ["absent", "There is no such key", "Check --key."]],
	[429, ["unreachable", "Cloud KMS limits the rate of requests", "Try again later."]],
]);

/** A failure in words of ours: what Google wrote may repeat what it was sent. */
export function gcpSealFailure(error: unknown, keyName: string): ProviderError {
	if (error instanceof ProviderError) return error;
	const status = statusOf(error);
	return sealFailure(failureOf(error, status), { key: keyName, detail: statusDetail(status), cause: error });
}

function failureOf(error: unknown, status: number | undefined): SealFailure {
	const message = error instanceof Error ? error.message : "";
	// The library's own errors have no names, and its texts are the only sign.
	if (/Could not load the default credentials/.test(message)) return ["denied", "There are no Google credentials here", credentialsRemedy];
	if (/invalid_grant|invalid_client|invalid_rapt/.test(message)) return invalidCredentials;
	if (/credential file|client_email|private_key|JSON/i.test(message) && status === undefined)
		return ["invalid", "The file of your Google credentials cannot be used", credentialsRemedy];
	return (status === undefined ? undefined : byStatus.get(status)) ?? unreachable;
}

function statusOf(error: unknown): number | undefined {
	if (!(error instanceof Error)) return undefined;
	const status = "status" in error ? error.status : undefined;
	return typeof status === "number" ? status : undefined;
}
