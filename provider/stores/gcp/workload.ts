import { type ErrorCode, ProviderError } from "../../errors.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import type { Secret } from "../../shared/secret.ts";
import { callApi } from "./api.ts";
import { askCluster } from "./cluster-metadata.ts";
import { impersonate } from "./impersonation.ts";
import { type AccessToken, type LoginParts, scope } from "./login-parts.ts";
import { exchangeAudience, isPoolProvider } from "./pool.ts";
import { workloadPrefix } from "./role.ts";
import { readTokenAnswer, readTokenError, type TokenError } from "./token-answer.ts";
import { describeIdentity, serviceTitles, showable } from "./words.ts";

const tokenTypes = "urn:ietf:params:oauth:token-type:";

/** A login with the cluster's provider known, whoever has told it. */
type ExchangeParts = LoginParts & { readonly provider: string };

/**
 * Exchanges the pod's token for an access token, and that for one of the Google service account that the identity acts
 * as, where there is one. Sources: RFC 8693; Security Token Service API v1, token; GKE's identitybindingtoken, which
 * takes the same fields as JSON.
 */
export async function becomePod(parts: LoginParts): Promise<AccessToken> {
	const { identityProvider } = parts.instance;
	const provider = identityProvider === "" ? await askCluster(parts) : identityProvider;
	const own = await exchange({ ...parts, provider });
	return parts.identity.role === "" ? own : impersonate(parts, own);
}

async function exchange(parts: ExchangeParts): Promise<AccessToken> {
	const { servers, context, identity, instance } = parts;
	const service = serviceOf(parts);
	const sentAt = Date.now();
	const call = { service, location: "global", ...requestOf(parts) } as const;
	const answer = await callApi(servers, context, call, context.signal).catch((reason: unknown) => {
		throw unanswered(ProviderError.from(reason));
	});
	if (answer.status !== 200) throw refusal(answer, parts);
	const token = readTokenAnswer(answer.body, sentAt);
	if (token !== undefined) return token;
	throw new ProviderError(
		"unreachable",
		`${serviceTitles[service]} gave no usable answer for ${describeIdentity(instance, { ...identity, role: "" })}.`,
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

function requestOf(parts: ExchangeParts) {
	const fields = {
		grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
		requested_token_type: `${tokenTypes}access_token`,
		subject_token_type: `${tokenTypes}jwt`,
		subject_token: parts.context.token.reveal().toString("utf8"),
		audience: exchangeAudience({ workloadPool: parts.instance.workloadPool, identityProvider: parts.provider }),
		scope,
	};
	if (serviceOf(parts) === "sts")
		return { path: "/v1/token", body: { type: "application/x-www-form-urlencoded", text: String(new URLSearchParams(fields)) } } as const;
	return { path: "/v1/identitybindingtoken", body: { type: "application/json", text: JSON.stringify(fields) } } as const;
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
		legacyText: `${workloadPrefix}unable to fetch identitybindingtoken: could not get idbindtoken token, status: ${status}`,
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

/** The issuer that the pod's token names, which is no secret. */
function issuerOf(token: Secret): string {
	const payload = token.reveal().toString("latin1").split(".", 3)[1] ?? "";
	try {
		const { iss } = JSON.parse(Buffer.from(payload, "base64url").toString("utf8")) as { iss?: unknown };
		if (typeof iss === "string" && /^https:\/\/[\w./:-]{1,200}$/.test(iss)) return iss;
	} catch {
		// A token that is none has no issuer; that is what Google says too.
	}
	return "https://ISSUER";
}

/** No answer at all: our transport says server, stage and fact. */
function unanswered(error: ProviderError): ProviderError {
	if (error.code !== "unreachable") return error;
	const remedy = error.remedy === undefined ? {} : { remedy: error.remedy };
	const legacyText = `${workloadPrefix}unable to fetch identitybindingtoken: ${error.message}`;
	return new ProviderError(error.code, error.message, { ...remedy, stage: "login", legacyText, cause: error.cause });
}
