import { ProviderError } from "../../errors.ts";
import type { VaultKeyName } from "../../sealing/vault-key.ts";
import { type SealFailure, sealFailure, statusDetail } from "./failure.ts";

const noCredentials: SealFailure = [
	"denied",
	"There are no Azure credentials here",
	"Log in with az login, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.",
];
const invalidCredentials: SealFailure = [
	"denied",
	"Your Azure credentials are not valid, or have expired",
	"Log in anew (az login), or correct the AZURE_CLIENT_ID family.",
];
const unreachable: SealFailure = [
	"unreachable",
	"Key Vault gave no answer",
	"Check the vault's name, the network and the proxy, and try again.",
];

/** Sources: Key Vault REST API, "Authentication, requests and responses"; the names of the SDK's own errors. */
const byStatus: ReadonlyMap<number, SealFailure> = new Map<number, SealFailure>([
	[401, invalidCredentials],
	[
		403,
		[
			"denied",
			"Your Azure identity may not get the key, or the key is disabled, or the vault's firewall keeps you out",
			'Have the role "Key Vault Crypto User" or the key permission get, an enabled key, and your network allowed.',
		],
	],
	[404, ["absent", "There is no such key", "Check --key: the vault, the name and the version."]],
	[429, ["unreachable", "Key Vault limits the rate of requests", "Try again later."]],
]);

const byName: ReadonlyMap<string, SealFailure> = new Map<string, SealFailure>([
	["CredentialUnavailableError", noCredentials],
	["AuthenticationRequiredError", invalidCredentials],
	["AuthenticationError", invalidCredentials],
]);

/** A failure in words of ours: what Azure wrote may hold names of people and applications. */
export function azureSealFailure(error: unknown, { vaultUrl, name }: VaultKeyName): ProviderError {
	if (error instanceof ProviderError) return error;
	return sealFailure(failureOf(error), { key: `${vaultUrl}/keys/${name}`, detail: statusDetail(statusOf(error)), cause: error });
}

function failureOf(error: unknown): SealFailure {
	const known = byName.get(errorName(error));
	if (known !== undefined) return known;
	// Each of the places where credentials may be has been asked: what one of them says counts more than that others are empty.
	if (errorName(error) === "AggregateAuthenticationError") {
		const all = error instanceof Error && "errors" in error && Array.isArray(error.errors) ? error.errors : [];
		return all.every((each) => errorName(each) === "CredentialUnavailableError") ? noCredentials : invalidCredentials;
	}
	const status = statusOf(error);
	return (status === undefined ? undefined : byStatus.get(status)) ?? unreachable;
}

function errorName(error: unknown): string {
	return error instanceof Error ? error.name : "";
}

function statusOf(error: unknown): number | undefined {
	if (!(error instanceof Error) || !("statusCode" in error) || typeof error.statusCode !== "number") return undefined;
	return error.statusCode;
}
