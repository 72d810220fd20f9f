import type { Cloud } from "../clouds.ts";
import { Refusal } from "../refusal.ts";
import type { AzureRequest, Understood } from "../request.ts";
import type { AccessTokens } from "./access-tokens.ts";
import type { Exchange } from "./assertion.ts";
import type { Directory } from "./directory.ts";
import { answerInstanceDiscovery, answerOpenIdConfiguration } from "./discovery.ts";
import { answerTokenRequest } from "./token-endpoint.ts";

export interface Authority {
	readonly cloud: Cloud;
	readonly exchange: Exchange;
	readonly directory: Directory;
	readonly tokens: AccessTokens;
}

/** What an authority of Entra ID is asked for: `token`, `instance-discovery`, `openid-configuration`, `signing-keys`. */
export function understandAuthority(request: AzureRequest, { cloud, exchange, directory, tokens }: Authority): Understood {
	const [tenant = "", ...rest] = request.path;
	const place = rest.join("/");
	if (request.method === "POST" && place === "oauth2/v2.0/token") {
		const form = new URLSearchParams(request.body);
		return {
			operation: "token",
			client: form.get("client_id") ?? undefined,
			answer: () => answerTokenRequest({ tenant, cloud, form, exchange }, directory, tokens),
		};
	}
	if (request.method !== "GET") return nothingHere();
	if (tenant === "common" && place === "discovery/instance")
		return { operation: "instance-discovery", answer: () => answerInstanceDiscovery(request.query) };
	if (place === "v2.0/.well-known/openid-configuration")
		return { operation: "openid-configuration", answer: () => answerOpenIdConfiguration(tenant, cloud) };
	if (place === "discovery/v2.0/keys") return { operation: "signing-keys", answer: () => ({ status: 200, body: tokens.keys }) };
	return nothingHere();
}

function nothingHere(): Understood {
	return {
		operation: "none",
		answer() {
			throw new Refusal(404, { error: "not_found" });
		},
	};
}
