import { type Cloud, knownClouds } from "../clouds.ts";
import { entraRefusal } from "../refusal.ts";
import type { Reply } from "../request.ts";

/** Which authorities are Microsoft's. */
export function answerInstanceDiscovery(query: URLSearchParams): Reply {
	const endpoint = URL.parse(query.get("authorization_endpoint") ?? "");
	if (!knownClouds.some(({ authorityHost }) => authorityHost === endpoint?.hostname)) {
		const description = `The authority host '${endpoint?.hostname ?? ""}' is not known: invalid_instance.`;
		throw entraRefusal({ error: "invalid_instance", code: 50049, description });
	}
	const metadata = knownClouds.map(({ authorityHost }) => ({
		preferred_network: authorityHost,
		preferred_cache: authorityHost,
		aliases: [authorityHost],
	}));
	const discovery = `https://${endpoint?.hostname}${endpoint?.pathname.replace(/\/oauth2\/.*$/, "")}/v2.0/.well-known/openid-configuration`;
	return { status: 200, body: { tenant_discovery_endpoint: discovery, "api-version": "1.1", metadata } };
}

/** A tenant's OpenID configuration, whose endpoints are this authority's. */
export function answerOpenIdConfiguration(tenant: string, { authorityHost }: Cloud): Reply {
	const base = `https://${authorityHost}/${tenant}`;
	return {
		status: 200,
		body: {
			issuer: `${base}/v2.0`,
			token_endpoint: `${base}/oauth2/v2.0/token`,
			authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
			end_session_endpoint: `${base}/oauth2/v2.0/logout`,
			jwks_uri: `${base}/discovery/v2.0/keys`,
			token_endpoint_auth_methods_supported: ["client_secret_post", "private_key_jwt", "client_secret_basic"],
			response_types_supported: ["code", "id_token"],
			subject_types_supported: ["pairwise"],
			id_token_signing_alg_values_supported: ["RS256"],
		},
	};
}
