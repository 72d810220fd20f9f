import { type Address, parseAddress } from "../net/address.ts";
import type { HttpAnswer } from "../net/exchange.ts";
import { type HttpRequest, Transport } from "../net/transport.ts";
import { RetryBudget } from "../shared/retry-budget.ts";
import type { AwsService } from "./endpoints.ts";

/** One server of AWS: its connections, and how much it may be asked again. */
export interface Server {
	readonly url: string;
	readonly address: Address;
	readonly budget: RetryBudget;
	request(request: HttpRequest): Promise<HttpAnswer>;
}

/**
 * After an outage a service of the first region is passed over for this long where another region stands in for it, so
 * that not every read waits for the end of a time limit.
 */
const restMilliseconds = 30_000;

/** What all sessions of one instance share: connections by server, and which services of which regions are out of order. */
export class Connections {
	readonly #servers = new Map<string, Server>();
	readonly #restingUntil = new Map<string, number>();

	/**
	 * @param url of {@link endpointOf} or the administrator's, so there are few
	 * @param way `direct`: by no proxy, whatever the environment says, since what is sent there is in the clear
	 */
	server(url: string, way: "usual" | "direct" = "usual"): Server {
		const known = this.#servers.get(url);
		if (known !== undefined) return known;
		const address = parseAddress(url);
		if ("problem" in address) throw new Error(`the endpoint ${url} ${address.problem}`);
		const transport = new Transport({ address, ...(way === "direct" ? { environment: {} } : {}) });
		const server = { url, address, budget: new RetryBudget(), request: (request: HttpRequest) => transport.request(request) };
		this.#servers.set(url, server);
		return server;
	}

	/** Notes whether a service of a region has given usable answers. */
	note(service: AwsService, region: string, usable: boolean): void {
		const server = `${service} ${region}`;
		if (usable) this.#restingUntil.delete(server);
		else this.#restingUntil.set(server, performance.now() + restMilliseconds);
	}

	isResting(service: AwsService, region: string): boolean {
		return performance.now() < (this.#restingUntil.get(`${service} ${region}`) ?? 0);
	}
}
