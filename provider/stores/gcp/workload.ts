import type { IdentityPoolClient } from "google-auth-library";
import { type ErrorCode, ProviderError } from "../../errors.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import { issuerOf } from "../../shared/token-issuer.ts";
import { askCluster } from "./cluster-metadata.ts";
import { type ClientOptions, Courier, type Library, tokenOf } from "./courier.ts";
import { impersonate } from "./impersonation.ts";
import { type AccessToken, type LoginParts, scope } from "./login-parts.ts";
import { exchangeAudience, isPoolProvider } from "./pool.ts";
import { impersonationOf, workloadPrefix } from "./role.ts";
import { readTokenError, type TokenError } from "./token-answer.ts";
import { describeIdentity, serviceTitles, showable } from "./words.ts";

const legacyPrefix = `${workloadPrefix}unable to fetch identitybindingtoken: `;

/** A login with the cluster's provider known, whoever has told it. */
type ExchangeParts = LoginParts & { readonly provider: string };

/**
 * Exchanges the pod's token for an access token, and that for one of the Google service account that the identity acts
 * as, where there is one. Sources: RFC 8693; Security Token Service API v1, token; GKE's identitybindingtoken, which
 * takes the same fields as JSON.
 */
export async function becomePod(parts: LoginParts): Promise<AccessToken> {
	const acting = impersonationOf(parts.identity);
	const { identityProvider } = parts.instance;
	const provider = identityProvider === "" ? await askCluster(parts) : identityProvider;
	const library = await import("google-auth-library");
	const courier = new Courier(parts);
	const exchanging = { ...parts, provider };
	const client = makeClient(library, exchanging, courier.clientOptions(library));
	const own = await exchange(exchanging, courier, client);
	return acting === undefined ? own : impersonate(parts, acting, { courier, client });
}

function makeClient({ IdentityPoolClient }: Library, parts: ExchangeParts, options: ClientOptions): IdentityPoolClient {
	class PodClient extends IdentityPoolClient {
		constructor() {
			super({
				...options,
				type: "external_account",
				audience: exchangeAudience({ workloadPool: parts.instance.workloadPool, identityProvider: parts.provider }),
				subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
				token_url: `${Courier.origin(serviceOf(parts))}${serviceOf(parts) === "sts" ? "/v1/token" : "/v1/identitybindingtoken"}`,
				subject_token_supplier: { getSubjectToken: async () => parts.context.token.reveal().toString("utf8") },
				scopes: [scope],
			});
			// For the exchange the library makes a transporter of its own, whatever it is given.
			Object.assign(this.stsCredential, { transporter: options.transporter });
		}
	}
	return new PodClient();
}

async function exchange(parts: ExchangeParts, courier: Courier, client: IdentityPoolClient): Promise<AccessToken> {
	const { identity, instance } = parts;
	const askedAt = Date.now();
	const answer = await courier.ask(() => client.getAccessToken(), legacyPrefix);
	if (answer.status !== 200) throw refusal(answer, parts);
	const token = tokenOf(client, askedAt);
	if (token !== undefined) return token;
	throw new ProviderError(
		"unreachable",
		`${serviceTitles[serviceOf(parts)]} gave no usable answer for ${describeIdentity(instance, { ...identity, role: "" })}.`,
		{
			stage: "login",
			remedy: "Check that the endpoint leads to Google itself and not to a proxy's page.",
		},
	);
}

/** Clusters have a token endpoint of their own. */
function serviceOf({ provider }: ExchangeParts): "sts" | "securetoken" {
	return isPoolProvider(provider) ? "sts" : "securetoken";
}

/** What a refusal means: a clause that the pod's account follows. */
interface Verdict {
	readonly code: ErrorCode;
	readonly clause: string;
	readonly remedy: string;
}

/**
 * That a token proves nothing is no word on the account's rights: `unidentified`, and what pods hold stays. Only a
 * condition that the pool's administrator has set denies.
 */
function refusal({ status, body }: HttpAnswer, parts: ExchangeParts): ProviderError {
	const { context, identity, instance } = parts;
	const told = readTokenError(body);
	const { code, clause, remedy } = judge(status, told, parts);
	const text = showable(told.description, [context.token]);
	const said = told.error === "" ? `status ${status}` : `${told.error}${text === "" ? "" : `: ${JSON.stringify(text)}`}`;
	const who = describeIdentity(instance, { ...identity, role: "" });
	return new ProviderError(code, `${serviceTitles[serviceOf(parts)]} ${clause} ${who} (${said}).`, {
		stage: "login",
		legacyText: `${legacyPrefix}could not get idbindtoken token, status: ${status}`,
		remedy,
	});
}

function judge(status: number, { error, description }: TokenError, parts: ExchangeParts): Verdict {
	if (status === 429) return outage("limits the rate of requests, and did not log in", "It is asked again; raise the project's quota.");
	if (status >= 500) return outage("could not log in", "It is asked again.");
	switch (error) {
		case "invalid_grant":
			return tokenVerdict(description, parts);
		case "invalid_target":
			return { code: "invalid", clause: "knows no such pool or provider for", remedy: poolRemedy(parts) };
		case "invalid_request":
			return { code: "invalid", clause: "does not understand the login of", remedy: poolRemedy(parts) };
		case "access_denied":
		case "unauthorized_client":
			return { code: "denied", clause: "refuses", remedy: "Check the attribute condition of the pool's provider." };
		default:
			return outage("gave no usable answer to the login of", "Check that the endpoint leads to Google itself and not to a proxy's page.");
	}
}

function outage(clause: string, remedy: string): Verdict {
	return { code: "unreachable", clause, remedy };
}

/** The service has one code for every token that it does not take; its words tell why. */
function tokenVerdict(description: string, parts: ExchangeParts): Verdict {
	const { context, identity, provider } = parts;
	if (/stale|expired/i.test(description)) {
		const remedy = "kubelet brings a fresh token at its next sync; check the node's clock if it does not.";
		return { code: "unidentified", clause: "says that the token has expired of", remedy };
	}
	const clause = "does not take the token as a proof of";
	if (/audience/i.test(description)) {
		const remedy = `It carries the audience ${identity.audience}, and ${provider} takes another: correct workloadPool or identityProvider, or the provider's allowed audiences.`;
		return { code: "unidentified", clause, remedy };
	}
	const remedy = `${provider} must trust this cluster's token issuer, ${issuerOf(context.token)}: check that it is the cluster that the pods run in.`;
	return { code: "unidentified", clause, remedy };
}

function poolRemedy({ provider, instance }: ExchangeParts): string {
	const pool = isPoolProvider(provider) ? "" : `workloadPool ${instance.workloadPool} and `;
	return `Correct ${pool}identityProvider ${provider}; see: gcloud container clusters describe CLUSTER --location LOCATION --format "value(workloadIdentityConfig.workloadPool)"`;
}
