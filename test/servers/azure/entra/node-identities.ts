import { allClouds, managementResource } from "../clouds.ts";
import { Refusal } from "../refusal.ts";
import type { AzureRequest, Reply, Understood } from "../request.ts";
import type { AccessTokens, IssuedToken } from "./access-tokens.ts";
import { defaultTenant } from "./directory.ts";

/** An identity that the node's virtual machine has. */
export interface NodeIdentity {
	/** Default {@link defaultTenant}. */
	readonly tenant?: string;
	readonly client: string;
	/** The one that is given when no client is asked for. */
	readonly systemAssigned?: boolean;
}

/** A pod's identity, as the node managed identity service of aad-pod-identity gives it. */
export interface PodIdentity {
	/** Default {@link defaultTenant}. */
	readonly tenant?: string;
	readonly client: string;
	readonly podName: string;
	readonly podNamespace: string;
}

/** Identities that need no proof but the place they are asked for at. */
export class NodeIdentities {
	readonly ofNode: NodeIdentity[] = [];
	readonly ofPods: PodIdentity[] = [];
	readonly #tokens: AccessTokens;

	constructor(tokens: AccessTokens) {
		this.#tokens = tokens;
	}

	/** The instance metadata service, 169.254.169.254. */
	understandMetadata(request: AzureRequest): Understood {
		const client = request.query.get("client_id") ?? undefined;
		const isToken = request.method === "GET" && pathOf(request) === "metadata/identity/oauth2/token";
		return { operation: isToken ? "imds" : "none", client, answer: () => (isToken ? this.#metadata(request, client) : notFound()) };
	}

	/** The node managed identity service, localhost:2579. */
	understandPodIdentity(request: AzureRequest): Understood {
		const isToken = request.method === "GET" && pathOf(request) === "host/token";
		return { operation: isToken ? "nmi" : "none", answer: () => (isToken ? this.#podIdentity(request) : notFound()) };
	}

	async #metadata({ headers, query }: AzureRequest, client: string | undefined): Promise<Reply> {
		if (headers["metadata"] !== "true") throw oauth("invalid_request", "Required metadata header not specified");
		if (headers["x-forwarded-for"] !== undefined) throw oauth("invalid_request", "The request was forwarded, which is not supported");
		if (query.get("api-version") === null) throw oauth("invalid_request", "Required query variable 'api-version' is missing");
		const resource = readResource(query);
		const identity = this.ofNode.find((candidate) => (client === undefined ? candidate.systemAssigned : candidate.client === client));
		if (identity === undefined) throw oauth("invalid_request", "Identity not found");
		return { status: 200, body: { ...(await this.#give(identity, resource)), client_id: identity.client } };
	}

	async #podIdentity({ headers, query }: AzureRequest): Promise<Reply> {
		const { podname: name, podns: namespace } = headers;
		if (name === undefined || namespace === undefined) throw new Refusal(400, { error: "missing 'podname' or 'podns' header" });
		const identity = this.ofPods.find(({ podName, podNamespace }) => podName === name && podNamespace === namespace);
		if (identity === undefined)
			throw new Refusal(404, { error: `no azure identity found for request clientID for pod ${namespace}/${name}` });
		return { status: 200, body: { token: await this.#give(identity, readResource(query)), clientid: identity.client } };
	}

	async #give({ tenant = defaultTenant, client }: NodeIdentity | PodIdentity, audience: string): Promise<object> {
		return tokenFields(await this.#tokens.issue({ tenant, client, audience }), audience);
	}
}

/** Both services take a slash at the end or leave it. */
function pathOf({ path }: AzureRequest): string {
	return path.join("/").replace(/\/$/, "");
}

function tokenFields({ token, issuedAt, expiresAt }: IssuedToken, resource: string): object {
	const lifetime = String(expiresAt - issuedAt);
	return {
		access_token: token,
		refresh_token: "",
		expires_in: lifetime,
		ext_expires_in: lifetime,
		expires_on: String(expiresAt),
		not_before: String(issuedAt),
		resource,
		token_type: "Bearer",
	};
}

function readResource(query: URLSearchParams): string {
	const resource = (query.get("resource") ?? "").replace(/\/$/, "");
	if ([managementResource, ...allClouds.map(({ vaultResource }) => vaultResource)].includes(resource)) return resource;
	throw oauth("invalid_resource", `AADSTS500011: The resource principal named ${resource} was not found in the tenant.`);
}

function oauth(error: string, description: string): Refusal {
	return new Refusal(400, { error, error_description: description });
}

function notFound(): never {
	throw new Refusal(404, { error: "not_found" });
}
