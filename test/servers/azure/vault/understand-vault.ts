import { type AccessTokens, claimedClient } from "../entra/access-tokens.ts";
import { throttling, vaultRefusal } from "../refusal.ts";
import type { AzureRequest, Reply, Understood } from "../request.ts";
import { type Aim, operationName, permissionFor, readAim } from "./aim.ts";
import { authenticate, authorize, bearerOf } from "./bearer.ts";
import { bundle } from "./bundles.ts";
import { findDeleted, findVersion, listObjects, listVersions } from "./contents.ts";
import { operateWith } from "./cryptography.ts";
import { answerPage } from "./listing.ts";
import type { Vault } from "./vault.ts";

export interface VaultServices {
	readonly tokens: AccessTokens;
	readonly pageSize: number;
}

/** What a vault is asked for: the data plane of Key Vault's REST API, as far as it reads and operates. */
export function understandVault(request: AzureRequest, vault: Vault, services: VaultServices): Understood {
	const aim = readAim(request);
	return {
		operation: operationName(aim),
		vault: vault.name,
		object: aim?.name || undefined,
		client: claimedClient(bearerOf(request.headers.authorization) ?? ""),
		answer: () => answer(request, aim, vault, services),
	};
}

async function answer(request: AzureRequest, aim: Aim | undefined, vault: Vault, { tokens, pageSize }: VaultServices): Promise<Reply> {
	const client = await authenticate(request, vault, tokens);
	const seconds = vault.quota.take();
	if (seconds !== undefined) throw throttling(seconds);
	if (!/^(7\.\d|\d{4}-\d\d-\d\d)/.test(request.query.get("api-version") ?? ""))
		throw vaultRefusal(400, "BadParameter", "api-version must be specified");
	if (aim === undefined) throw vaultRefusal(400, "BadParameter", `Method ${request.method} does not allow operation '${request.path[0]}'`);
	authorize(vault, client, aim.kind, permissionFor(aim));
	switch (aim.verb) {
		case "list":
			return answerPage(request, listObjects(vault, aim.kind), pageSize);
		case "versions":
			return answerPage(request, listVersions(vault, aim), pageSize);
		case "deleted":
			return { status: 200, body: findDeleted(vault, aim) };
		case "get":
			return { status: 200, body: bundle(vault, aim.name, findVersion(vault, aim)) };
		default:
			return { status: 200, body: operateWith(findVersion(vault, aim), aim.verb, vault, aim.name, request.body) };
	}
}
