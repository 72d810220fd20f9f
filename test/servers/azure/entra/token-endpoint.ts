import { type Cloud, managementResource } from "../clouds.ts";
import { entraRefusal, type Refusal } from "../refusal.ts";
import type { Reply } from "../request.ts";
import type { AccessTokens } from "./access-tokens.ts";
import { type Exchange, judgeAssertion } from "./assertion.ts";
import type { Client, Directory, Tenant } from "./directory.ts";

export interface TokenRequest {
	/** From the path. */
	readonly tenant: string;
	readonly cloud: Cloud;
	readonly form: URLSearchParams;
	readonly exchange: Exchange;
}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/**
 * The client credentials flow (RFC 6749 §4.4), with a client assertion or a client secret.
 *
 * @throws Refusal in the words of Entra ID
 */
export async function answerTokenRequest(request: TokenRequest, directory: Directory, tokens: AccessTokens): Promise<Reply> {
	const { tenant: id, cloud, form, exchange } = request;
	const tenant = findTenant(id, cloud, directory);
	const client = findClient(form, tenant);
	const audience = readScope(required(form, "scope"), cloud);
	await authenticate(form, client, exchange);
	const { token, issuedAt, expiresAt } = await tokens.issue({ tenant: tenant.id, client: client.id, audience });
	const lifetime = expiresAt - issuedAt;
	const body = { token_type: "Bearer", expires_in: lifetime, ext_expires_in: lifetime, access_token: token };
	return { status: 200, body, headers: { "cache-control": "no-store, no-cache" } };
}

function findTenant(id: string, cloud: Cloud, directory: Directory): Tenant {
	const tenant = directory.tenant(id);
	if (tenant?.cloud === cloud) return tenant;
	const description =
		`Tenant '${id}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. ` +
		"Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant.";
	throw entraRefusal({ error: "invalid_request", code: 90002, description });
}

function findClient(form: URLSearchParams, tenant: Tenant): Client {
	const grant = required(form, "grant_type");
	if (grant !== "client_credentials")
		throw refuse("unsupported_grant_type", 70003, `The app requested an unsupported grant type '${grant}'.`);
	const id = required(form, "client_id");
	const client = tenant.clients.get(id);
	if (client !== undefined) return client;
	const reason = "This can happen if the application has not been installed by the administrator of the tenant.";
	throw refuse(
		"unauthorized_client",
		700016,
		`Application with identifier '${id}' was not found in the directory '${tenant.id}'. ${reason}`,
	);
}

function readScope(scope: string, cloud: Cloud): string {
	const [wanted = ""] = scope.split(" ").filter((part) => !["openid", "profile", "offline_access"].includes(part));
	const suffix = "/.default";
	if (!wanted.endsWith(suffix)) {
		const rule = "Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI).";
		throw refuse("invalid_scope", 1002012, `The provided value for scope ${scope} is not valid. ${rule}`);
	}
	const resource = wanted.slice(0, -suffix.length);
	if ([cloud.vaultResource, managementResource].includes(resource)) return resource;
	throw refuse("invalid_resource", 500011, `The resource principal named ${resource} was not found in the tenant.`);
}

async function authenticate(form: URLSearchParams, client: Client, exchange: Exchange): Promise<void> {
	const assertion = form.get("client_assertion");
	const secret = form.get("client_secret");
	if (assertion !== null && form.get("client_assertion_type") === assertionType) return judgeAssertion(assertion, client, exchange);
	if (secret === null)
		throw refuse(
			"invalid_client",
			7000218,
			"The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
		);
	const known = client.secrets.find((candidate) => candidate.secret === secret);
	if (known === undefined) {
		const hint = "Ensure the secret being sent in the request is the client secret value, not the client secret ID,";
		throw refuse("invalid_client", 7000215, `Invalid client secret provided. ${hint} for a secret added to app '${client.id}'.`);
	}
	if (known.expiresAt !== undefined && known.expiresAt.getTime() <= Date.now())
		throw refuse("invalid_client", 7000222, `The provided client secret keys for app '${client.id}' are expired.`);
}

function required(form: URLSearchParams, name: string): string {
	const value = form.get(name) ?? "";
	if (value !== "") return value;
	throw refuse("invalid_request", 900144, `The request body must contain the following parameter: '${name}'.`);
}

function refuse(error: string, code: number, description: string): Refusal {
	return entraRefusal({ error, code, description });
}
