import { LRUCache } from "lru-cache";
import { type Address, parseAddress } from "../../net/address.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import { type HttpRequest, Transport } from "../../net/transport.ts";
import { RetryBudget } from "../../shared/retry-budget.ts";
import { type ClusterPlace, clusterUrl } from "./cluster.ts";
import { endpointOf } from "./endpoints.ts";
import { type GcpService, metadataUrl } from "./hosts.ts";
import type { GcpInstance } from "./instance.ts";

/** One server: its connections, and how much it may be asked again. */
export interface Server {
	readonly address: Address;
	readonly budget: RetryBudget;
	request(request: HttpRequest): Promise<HttpAnswer>;
}

/** More than all regions of all services that have any. Classes name regions, and may name some that do not exist. */
const maximumServers = 256;

/** What all sessions of one instance share: connections by server, and what the node has said of its cluster. */
export class Servers {
	readonly #instance: GcpInstance;
	readonly #servers = new LRUCache<string, Server>({ max: maximumServers });
	/** The cluster that the node belongs to, which never changes. */
	#cluster: string | undefined;

	constructor(instance: GcpInstance) {
		this.#instance = instance;
	}

	/** @param location `global` or a region, checked */
	of(service: GcpService, location: string): Server {
		return this.#known(endpointOf(this.#instance.serviceEndpoints, service, location), process.env);
	}

	/** The metadata server answers on the node itself, and only who is asked through no proxy. */
	get metadata(): Server {
		return this.#known(this.#instance.serviceEndpoints.metadata ?? metadataUrl, {});
	}

	get cluster(): string | undefined {
		return this.#cluster;
	}

	/** Keeps what the node has said. */
	learnCluster(place: ClusterPlace): string {
		this.#cluster = clusterUrl(place);
		return this.#cluster;
	}

	#known(url: string, environment: NodeJS.ProcessEnv): Server {
		const known = this.#servers.get(url);
		if (known !== undefined) return known;
		const address = parseAddress(url);
		if ("problem" in address) throw new Error(`the address ${url} ${address.problem}`);
		const transport = new Transport({ address, environment });
		const server = { address, budget: new RetryBudget(), request: (request: HttpRequest) => transport.request(request) };
		this.#servers.set(url, server);
		return server;
	}
}
