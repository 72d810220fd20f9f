import type { JSONWebKeySet } from "jose";
import { type Cloud, cloudNamed } from "../clouds.ts";

/** A federated identity credential: whose tokens an application takes for its own proof. */
export interface Federation {
	/** Default {@link defaultTenant}. */
	readonly tenant?: string;
	/** The application's client id. */
	readonly client: string;
	/** Who signs the tokens, with the keys that verify them. */
	readonly issuer: { readonly issuer: string; readonly keys: JSONWebKeySet };
	/** Such as `system:serviceaccount:shop:web`. */
	readonly subject: string;
	/** Default {@link exchangeAudience}; with {@link bindingAudience} it is an identity binding. */
	readonly audience?: string;
}

export interface ClientSecret {
	/** Default {@link defaultTenant}. */
	readonly tenant?: string;
	readonly client: string;
	readonly secret: string;
	readonly expiresAt?: Date;
}

export interface Tenant {
	readonly id: string;
	readonly cloud: Cloud;
	readonly clients: ReadonlyMap<string, Client>;
}

export interface Client {
	readonly id: string;
	readonly federations: readonly Required<Federation>[];
	readonly secrets: readonly ClientSecret[];
}

/** Everything belongs to it that is not given another tenant. */
export const defaultTenant = "3f1d5a52-7c0e-4d0a-9a55-0d3c1f6a0001";
export const exchangeAudience = "api://AzureADTokenExchange";
/** Of tokens that only the token proxy of a cluster's identity bindings takes. */
export const bindingAudience = "api://AKSIdentityBinding";

/** The tenants with their applications; one that is named is there. */
export class Directory {
	readonly #tenants = new Map<string, { readonly id: string; readonly cloud: Cloud; readonly clients: Map<string, ChangingClient> }>();

	constructor() {
		this.addTenant(defaultTenant);
	}

	/** An empty tenant, in the place of one with this id. */
	addTenant(id: string, cloud = "AzurePublicCloud"): void {
		this.#tenants.set(id.toLowerCase(), { id, cloud: cloudNamed(cloud), clients: new Map() });
	}

	federate(federation: Federation): void {
		const complete = { tenant: defaultTenant, audience: exchangeAudience, ...federation };
		this.#client(complete.tenant, complete.client).federations.push(complete);
	}

	addClientSecret(secret: ClientSecret): void {
		this.#client(secret.tenant ?? defaultTenant, secret.client).secrets.push(secret);
	}

	tenant(id: string): Tenant | undefined {
		return this.#tenants.get(id.toLowerCase());
	}

	#client(tenantId: string, id: string): ChangingClient {
		if (this.tenant(tenantId) === undefined) this.addTenant(tenantId);
		const clients = this.#tenants.get(tenantId.toLowerCase())?.clients;
		const client = clients?.get(id) ?? { id, federations: [], secrets: [] };
		clients?.set(id, client);
		return client;
	}
}

interface ChangingClient extends Client {
	readonly federations: Required<Federation>[];
	readonly secrets: ClientSecret[];
}
