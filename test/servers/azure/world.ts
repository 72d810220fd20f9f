import { allClouds, publicCloud } from "./clouds.ts";
import { AccessTokens } from "./entra/access-tokens.ts";
import { understandAuthority } from "./entra/authority.ts";
import { Directory } from "./entra/directory.ts";
import { NodeIdentities } from "./entra/node-identities.ts";
import { Refusal } from "./refusal.ts";
import type { AzureRequest, Understood } from "./request.ts";
import { understandVault } from "./vault/understand-vault.ts";
import { Vaults } from "./vault/vaults.ts";

/** The instance metadata service, as every virtual machine of Azure has it. */
export const metadataHost = "169.254.169.254";
/** The node managed identity service, which really is at localhost:2579. */
export const podIdentityHost = "node-managed-identity.test";
/** The name by which a cluster's token proxy for identity bindings is asked in the TLS handshake. */
export const tokenProxyName = "a0123456789abcdef.ests.aks";

/** All that the services know, and which host is which service. */
export class World {
	readonly directory = new Directory();
	readonly vaults = new Vaults();
	readonly tokens: AccessTokens;
	readonly nodeIdentities: NodeIdentities;
	readonly #pageSize: number;

	private constructor(tokens: AccessTokens, pageSize: number) {
		this.tokens = tokens;
		this.nodeIdentities = new NodeIdentities(tokens);
		this.#pageSize = pageSize;
	}

	static async create(pageSize: number): Promise<World> {
		return new World(await AccessTokens.create(), pageSize);
	}

	/** Whether a name leads anywhere. */
	knows(host: string): boolean {
		return host === metadataHost || allClouds.some(({ authorityHost }) => authorityHost === host) || this.vaults.atHost(host) !== undefined;
	}

	understand(request: AzureRequest): Understood {
		const { host } = request;
		const { directory, tokens } = this;
		if (host === metadataHost) return this.nodeIdentities.understandMetadata(request);
		if (host === podIdentityHost) return this.nodeIdentities.understandPodIdentity(request);
		if (host === tokenProxyName) return understandAuthority(request, { cloud: publicCloud, exchange: "token-proxy", directory, tokens });
		const cloud = allClouds.find(({ authorityHost }) => authorityHost === host);
		if (cloud !== undefined) return understandAuthority(request, { cloud, exchange: "authority", directory, tokens });
		const vault = this.vaults.atHost(host);
		if (vault !== undefined) return understandVault(request, vault, { tokens, pageSize: this.#pageSize });
		return { operation: "none", answer: () => nobody(host) };
	}
}

function nobody(host: string): never {
	throw new Refusal(404, { error: `nobody is called ${host} here` });
}
