import { ProviderError } from "../../errors.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import { jsonMember, parseJsonObject } from "../../shared/json.ts";
import { withRetries } from "../../shared/retry.ts";
import type { AccessToken, LoginParts } from "./credential.ts";
import { readTokenAnswer } from "./credential-token.ts";

/** It answers on the node itself; where there is none, nothing ever answers. */
const metadataMilliseconds = 3_000;
const maximumBytes = 64 * 1024;

/**
 * Asks the instance metadata service for a token of an identity of the node, for pods of namespaces that the
 * administrator has named. Source: Azure, "How to use managed identities for Azure resources on an Azure VM".
 *
 * @throws ProviderError as {@link logIn}
 */
export async function askNode(parts: LoginParts): Promise<AccessToken> {
	const { instance, identity } = parts;
	if (!instance.managedIdentityNamespaces.includes(identity.namespace)) throw notAllowed(parts);
	const sentAt = Date.now();
	const answer = await ask(parts).catch((reason: unknown) => {
		throw unanswered(ProviderError.from(reason));
	});
	if (answer.status !== 200) throw refusal(answer, parts);
	const token = readTokenAnswer(answer.body, sentAt);
	if (token !== undefined) return token;
	throw outage("The instance metadata service gave no usable answer: it holds no token.");
}

function ask({ instance, identity, servers, context }: LoginParts): Promise<HttpAnswer> {
	const { login } = servers;
	const { signal } = context;
	const query = new URLSearchParams({ "api-version": "2018-02-01", resource: instance.resource });
	if (identity.role !== "") query.set("client_id", identity.role);
	const send = () =>
		login.request({
			method: "GET",
			path: `${login.address.basePath}/metadata/identity/oauth2/token?${query}`,
			headers: { metadata: "true", accept: "application/json" },
			signal,
			timeoutMilliseconds: metadataMilliseconds,
			maximumBytes,
			allowsAddress: (address) => context.allowsAddress(address),
		});
	return withRetries(send, signal, { budget: login.budget, schedule: (task) => context.schedule(task, signal) });
}

function notAllowed({ identity }: LoginParts): ProviderError {
	const { namespace } = identity;
	return new ProviderError("refused", `The node's identities are not for pods of the namespace ${namespace}.`, {
		stage: "login",
		remedy: `Use workload identity; or ask the administrator to add ${namespace} to managedIdentity.namespaces of the store or of dialects.azure.`,
	});
}

function refusal({ status, body }: HttpAnswer, { instance, identity }: LoginParts): ProviderError {
	const answer = parseJsonObject(body);
	const error = answer === undefined ? undefined : jsonMember(answer, "error");
	const said = typeof error === "string" && /^[\w.]{1,40}$/.test(error) ? `status ${status}, ${error}` : `status ${status}`;
	const who = identity.role === "" ? "system-assigned identity" : `identity ${identity.role}`;
	if (error === "invalid_resource") {
		return new ProviderError("invalid", `The instance metadata service knows no resource ${instance.resource} (${said}).`, {
			stage: "login",
			remedy: "Check the store's cloud.",
		});
	}
	if (status === 400 && typeof error === "string") {
		return new ProviderError("denied", `The node has no ${who} (${said}).`, {
			stage: "login",
			remedy: "Assign it: az vmss identity assign --resource-group GROUP --name SCALE_SET --identities IDENTITY_RESOURCE_ID",
		});
	}
	return outage(`The instance metadata service could not give a token of the node's ${who} (${said}).`);
}

function unanswered(error: ProviderError): ProviderError {
	if (error.code !== "unreachable") return error;
	return outage(`The instance metadata service gave no answer: ${error.message}`, error.cause);
}

function outage(message: string, cause?: unknown): ProviderError {
	return new ProviderError("unreachable", message, {
		stage: "login",
		remedy: "Check that this node is a virtual machine of Azure, and that no network policy keeps the provider from 169.254.169.254.",
		cause,
	});
}
