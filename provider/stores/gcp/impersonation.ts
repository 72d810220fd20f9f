import type { AuthClient } from "google-auth-library";
import { ProviderError, type ProviderErrorOptions } from "../../errors.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import { parseJsonObject } from "../../shared/json.ts";
import { Secret } from "../../shared/secret.ts";
import { Courier } from "./courier.ts";
import { type GoogleError, googleErrorOf, goText, textOf } from "./google-error.ts";
import { type AccessToken, type LoginParts, scope } from "./login-parts.ts";
import { accountResource, type Impersonation, workloadPrefix } from "./role.ts";
import { isToken } from "./token-answer.ts";
import { podMember, showable } from "./words.ts";

const legacyPrefix = `${workloadPrefix}unable to fetch gcp service account token: `;

/** A client that is logged in as the pod's own account, and what carries its requests. */
export interface PodLogin {
	readonly courier: Courier;
	readonly client: AuthClient;
}

/** The longest that every account may have; the pod's own token ends by itself sooner or later. */
const lifetime = "3600s";

/**
 * Asks for a token of the Google service account that the identity acts as.
 * Source: IAM Service Account Credentials API v1, generateAccessToken.
 */
export async function impersonate(parts: LoginParts, acting: Impersonation, { courier, client }: PodLogin): Promise<AccessToken> {
	const { target, delegates } = acting;
	const path = `/v1/projects/-/serviceAccounts/${encodeURIComponent(target)}:generateAccessToken`;
	const data = { scope: [scope], lifetime, delegates: delegates.map(accountResource) };
	// The library's own client for this warns of its configuration on standard error, at each login.
	const request = () => client.request({ url: `${Courier.origin("iamcredentials")}${path}`, method: "POST", data });
	const answer = await courier.ask(request, legacyPrefix);
	if (answer.status !== 200) throw refusal(answer, parts, acting);
	const body = parseJsonObject(answer.body);
	const [token, expiresAt] = [textOf(body, "accessToken"), new Date(textOf(body, "expireTime"))];
	if (isToken(token) && !Number.isNaN(expiresAt.getTime())) return { token: new Secret(token), expiresAt };
	throw new ProviderError("unreachable", `IAM Credentials gave no usable answer for ${target}: it holds no token.`, {
		stage: "login",
		remedy: "Check that the endpoint leads to Google itself and not to a proxy's page.",
	});
}

function refusal(
	{ status, body }: HttpAnswer,
	{ context, identity, instance }: LoginParts,
	{ target, delegates }: Impersonation,
): ProviderError {
	const told = googleErrorOf(body);
	const text = showable(told?.message ?? "", [context.token]);
	const said = told === undefined ? `status ${status}` : `${told.status}: ${JSON.stringify(text)}`;
	const options: ProviderErrorOptions = {
		stage: "login",
		...(told === undefined ? {} : { legacyText: `${legacyPrefix}${goText({ ...told, message: text })}` }),
	};
	const account = `service account ${identity.namespace}/${identity.serviceAccount}`;
	if (isDenial(told)) {
		return new ProviderError("denied", `IAM does not let ${account} act as ${target} (${said}).`, {
			...options,
			remedy: grantRemedy(target, delegates, podMember(instance, identity)),
		});
	}
	if (told?.status === "INVALID_ARGUMENT") {
		const remedy = "Correct the annotation iam.gke.io/gcp-service-account, or the role.";
		return new ProviderError("invalid", `IAM does not understand that ${account} acts as ${target} (${said}).`, { ...options, remedy });
	}
	const remedy =
		told?.reason === "SERVICE_DISABLED" ? "Enable it: gcloud services enable iamcredentials.googleapis.com" : "It is asked again.";
	return new ProviderError("unreachable", `IAM could not let ${account} act as ${target} (${said}).`, { ...options, remedy });
}

/** An account that does not exist gives nobody any right. */
function isDenial(told: GoogleError | undefined): boolean {
	return told?.status === "NOT_FOUND" || (told?.status === "PERMISSION_DENIED" && told.reason !== "SERVICE_DISABLED");
}

function grantRemedy(target: string, delegates: readonly string[], member: string): string {
	const first = delegates[0] ?? target;
	const command = `gcloud iam service-accounts add-iam-policy-binding ${first} --role roles/iam.workloadIdentityUser --member ${member}`;
	if (delegates.length === 0) return `Allow it, and check that the account exists: ${command}`;
	return `Each account of the chain needs roles/iam.serviceAccountTokenCreator on the next, and the pod's own on the first: ${command}`;
}
