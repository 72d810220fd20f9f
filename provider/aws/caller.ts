import { settleAttempt, withRetries } from "../shared/retry.ts";
import type { StoreContext } from "../stores/store.ts";
import { type AwsCredentials, makeClient, type ServiceClients } from "./clients.ts";
import type { Connections } from "./connections.ts";
import { type AwsPlaces, type AwsService, agentUrls, endpointOf } from "./endpoints.ts";
import { askedPause, awsErrorOf, kindOf, retryStatus } from "./error-kinds.ts";
import { TransportHandler } from "./http-handler.ts";

/** What a call needs from the context of the session. */
export type CallContext = Pick<StoreContext, "schedule" | "allowsAddress">;

export interface CallerOptions {
	readonly instance: AwsPlaces;
	readonly connections: Connections;
	readonly context: CallContext;
	/** Absent for the caller that gets them. */
	readonly credentials?: AwsCredentials;
}

/** AWS answers within milliseconds; a region that another stands in for is not waited for as long as the only one. */
const callMilliseconds = 10_000;
const impatientMilliseconds = 4_000;

/** Calls AWS as one identity: a client for each service and region, made when it is first needed. */
export class Caller {
	readonly #options: CallerOptions;
	readonly #clients = new Map<string, Promise<ServiceClients[AwsService]>>();
	#hasEnded = false;

	constructor(options: CallerOptions) {
		this.#options = options;
	}

	/** Whether AWS has refused the credentials as such. */
	get hasEnded(): boolean {
		return this.#hasEnded;
	}

	/**
	 * Makes one call of a service, again where that makes sense.
	 *
	 * @throws ProviderError when there was no answer, as {@link Transport.request}; the SDK's own error for an answer that is none
	 */
	async send<Service extends AwsService, Answer>(
		service: Service,
		region: string,
		signal: AbortSignal,
		call: (client: ServiceClients[Service], signal: AbortSignal) => Promise<Answer>,
	): Promise<Answer> {
		const { connections, context } = this.#options;
		const client = await this.clientFor(service, region);
		const { budget } = connections.server(this.#url(service, region));
		const settled = await withRetries(() => settleAttempt(() => call(client, signal), answered), signal, {
			budget,
			schedule: (task) => context.schedule(task, signal),
		});
		if ("answer" in settled) return settled.answer;
		const answer = awsErrorOf(settled.error);
		if (answer !== undefined && kindOf(answer) === "ended") this.#hasEnded = true;
		throw settled.error;
	}

	clientFor<Service extends AwsService>(service: Service, region: string): Promise<ServiceClients[Service]> {
		const key = `${service} ${region}`;
		const client = (this.#clients.get(key) as Promise<ServiceClients[Service]> | undefined) ?? this.#make(service, region);
		this.#clients.set(key, client);
		return client;
	}

	#make<Service extends AwsService>(service: Service, region: string): Promise<ServiceClients[Service]> {
		const { instance, connections, context, credentials } = this.#options;
		const endpoint = this.#url(service, region);
		const isReplaced = instance.failoverRegion !== undefined && instance.failoverRegion !== region;
		const requestHandler = new TransportHandler({
			server: connections.server(endpoint),
			timeoutMilliseconds: isReplaced ? impatientMilliseconds : callMilliseconds,
			// Policy opens the agent's address to this instance, but no service's name may lead there.
			allowsAddress: (address) => !agentAddresses.includes(address) && context.allowsAddress(address),
		});
		return makeClient(service, { region, endpoint, credentials, requestHandler });
	}

	#url(service: AwsService, region: string): string {
		return endpointOf(this.#options.instance, service, region);
	}
}

const agentAddresses: readonly string[] = Object.values(agentUrls).map((url) => new URL(url).hostname.replace(/^\[|\]$/g, ""));

/** Without a status it is our transport's error, which knows whether the connection was lost. */
function answered(error: unknown) {
	const status = retryStatus(error);
	return status === undefined ? undefined : { status, retryAfter: askedPause(error) };
}
