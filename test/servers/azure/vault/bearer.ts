import { type AccessTokens, objectId, TokenFault, tokenIssuer } from "../entra/access-tokens.ts";
import { Refusal, vaultError, vaultRefusal } from "../refusal.ts";
import type { AzureRequest } from "../request.ts";
import type { Kind, Vault } from "./vault.ts";

/**
 * The client whose access token a request carries.
 *
 * @throws Refusal 401 with the challenge that names authority and resource
 */
export async function authenticate({ headers }: AzureRequest, vault: Vault, tokens: AccessTokens): Promise<string> {
	const token = bearerOf(headers.authorization);
	if (token === undefined) throw challenge(vault, "AKV10000: Request is missing a Bearer or PoP token.");
	const { tenant, cloud } = vault.options;
	try {
		return await tokens.judge(token, { tenant, audience: cloud.vaultResource });
	} catch (error) {
		if (error instanceof TokenFault) throw challenge(vault, error.message);
		throw error;
	}
}

export function bearerOf(authorization: string | undefined): string | undefined {
	return /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
}

function challenge({ options: { tenant, cloud } }: Vault, message: string): Refusal {
	const authorization = `https://${cloud.authorityHost}/${tenant}`;
	return new Refusal(401, vaultError("Unauthorized", message), {
		"www-authenticate": `Bearer authorization="${authorization}", resource="${cloud.vaultResource}"`,
	});
}

/** @throws Refusal 403 in the words of the vault's kind of authorization */
export function authorize(vault: Vault, client: string, kind: Kind, action: string): void {
	if (vault.allows(client, kind, action)) return;
	const { tenant, authorization } = vault.options;
	const caller = `appid=${client};oid=${objectId(client)};iss=${tokenIssuer(tenant)}`;
	if (authorization === "roles") {
		const lines = [
			"Caller is not authorized to perform action on resource.",
			"If role assignments, deny assignments or role definitions were changed recently, please observe propagation time.",
			`Caller: ${caller}`,
			`Action: 'Microsoft.KeyVault/vaults/${kind}/${action}/action'`,
			"Assignment: (not found)",
			`Vault: ${vault.name};location=westeurope`,
			"",
		];
		throw vaultRefusal(403, "Forbidden", lines.join("\r\n"), "ForbiddenByRbac");
	}
	const message =
		`The user, group or application '${caller}' does not have ${kind} ${action} permission on key vault '${vault.name};location=westeurope'. ` +
		"For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287";
	throw vaultRefusal(403, "Forbidden", message, "AccessDenied");
}
