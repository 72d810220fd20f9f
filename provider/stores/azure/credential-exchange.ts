import { ProviderError } from "../../errors.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import { withRetries } from "../../shared/retry.ts";
import type { Secret } from "../../shared/secret.ts";
import type { StoreContext } from "../store.ts";
import { isClientId } from "./client-id.ts";
import type { AccessToken, LoginParts } from "./credential.ts";
import { type FailedLogin, loginError, unansweredLogin } from "./credential-failures.ts";
import { readTokenAnswer } from "./credential-token.ts";

/** The authority answers within milliseconds. */
const loginMilliseconds = 10_000;
const maximumBytes = 256 * 1024;

/** Who logs in, and by what. */
interface Proof {
	readonly client: string;
	readonly fields: Readonly<Record<string, string>>;
	/** What Azure's SDKs call this way to log in, in error texts. */
	readonly title: FailedLogin["title"];
}

/**
 * Exchanges the pod's token, or a client secret, for an access token at the authority's token endpoint, or at the
 * cluster's token proxy, which takes the same request. Source: Microsoft identity platform, "OAuth 2.0 client
 * credentials flow"; RFC 7523.
 *
 * One request is all that it takes: @azure/identity would bring 5 MiB of memory and a second cache beside the broker's
 * sessions for it, and asks other hosts about an authority that it does not know.
 *
 * @throws ProviderError as {@link logIn}
 */
export async function exchangeToken(parts: LoginParts): Promise<AccessToken> {
	const { instance, servers, context } = parts;
	const { client, fields, title } = proofOf(parts);
	const form = new URLSearchParams({
		grant_type: "client_credentials",
		client_id: client,
		scope: `${instance.resource}/.default`,
		...fields,
	});
	const path = `/${encodeURIComponent(instance.tenant)}/oauth2/v2.0/token`;
	const failed: FailedLogin = {
		instance,
		identity: parts.identity,
		client,
		title,
		token: context.token,
		url: `${instance.authority}${path}`,
	};
	const sentAt = Date.now();
	const answer = await send(form, path, servers, context).catch((error: unknown) => {
		throw unansweredLogin(error, failed);
	});
	if (answer.status !== 200) throw loginError(answer, failed);
	const token = readTokenAnswer(answer.body, sentAt);
	if (token !== undefined) return token;
	throw loginError(answer, failed);
}

function send(form: URLSearchParams, path: string, { login }: LoginParts["servers"], context: StoreContext): Promise<HttpAnswer> {
	const { signal } = context;
	const request = () =>
		login.request({
			method: "POST",
			path: `${login.address.basePath}${path}`,
			headers: { accept: "application/json", "content-type": "application/x-www-form-urlencoded" },
			body: form.toString(),
			signal,
			timeoutMilliseconds: loginMilliseconds,
			maximumBytes,
			allowsAddress: (address) => context.allowsAddress(address),
		});
	return withRetries(request, signal, { budget: login.budget, schedule: (task) => context.schedule(task, signal) });
}

function proofOf({ instance, identity, context }: LoginParts): Proof {
	if (instance.identity === "principal") return secretProof(identity.role, context);
	if (!isClientId(identity.role)) {
		const { namespace, serviceAccount } = identity;
		throw new ProviderError("invalid", `The client of service account ${namespace}/${serviceAccount} is no client id.`, {
			stage: "login",
			remedy: `Correct it: kubectl annotate --overwrite serviceaccount ${serviceAccount} --namespace ${namespace} azure.workload.identity/client-id=CLIENT_ID`,
		});
	}
	const assertion = context.token.reveal().toString("utf8");
	return {
		client: identity.role,
		fields: { client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", client_assertion: assertion },
		title: "ClientAssertionCredential",
	};
}

/** Source: Azure Key Vault Provider for Secrets Store CSI Driver, "Service Principal": `clientid` and `clientsecret`, in any case. */
function secretProof(role: string, { credentials }: StoreContext): Proof {
	if (credentials.size === 0) throw noCredentials("there is none", "failed to get credentials, nodePublishSecretRef secret is not set");
	const client = role || (findCredential(credentials, "clientid")?.reveal().toString("utf8").trim() ?? "");
	if (!isClientId(client)) throw noCredentials("it has no clientid", "could not find clientid in secrets");
	const secret = findCredential(credentials, "clientsecret");
	if (secret === undefined) throw noCredentials("it has no clientsecret", "could not find clientsecret in secrets");
	return {
		client,
		fields: { client_secret: secret.reveal().toString("utf8") },
		title: "ClientSecretCredential",
	};
}

function findCredential(credentials: ReadonlyMap<string, Secret>, name: string): Secret | undefined {
	const written = [...credentials.keys()].find((key) => key.toLowerCase() === name);
	return written === undefined ? undefined : credentials.get(written);
}

function noCredentials(problem: string, legacyText: string): ProviderError {
	return new ProviderError("unidentified", `The login takes a client secret from nodePublishSecretRef, and ${problem}.`, {
		stage: "login",
		legacyText: `failed to build auth config for mode None: ${legacyText}`,
		remedy:
			"Put clientid and clientsecret into a Secret of the pod's namespace, and name it as nodePublishSecretRef; or use workload identity.",
	});
}
