import { type AgentOptions, Agent as HttpAgent, request as httpRequest, type OutgoingHttpHeaders, type RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import type { SecureContext } from "node:tls";
import { ProviderError } from "../errors.ts";
import { type Address, bareHost, serverName } from "./address.ts";
import { type AllowsAddress, guardedLookup, guardLiteral } from "./address-guard.ts";
import { exchange, type HttpAnswer } from "./exchange.ts";
import { type LineStream, openLines } from "./line-stream.ts";
import { type ProxyEnvironment, proxyFor } from "./proxy.ts";
import { type TlsOptions, TlsTrust } from "./tls-trust.ts";

export interface TransportOptions {
	readonly address: Address;
	readonly tls?: TlsOptions;
	/** Proxy and certificate variables; the process's own by default. */
	readonly environment?: ProxyEnvironment;
	/** Name resolution; the system's by default. */
	readonly lookup?: LookupFunction;
}

export interface HttpRequest {
	readonly method: string;
	/** From the root of the server, encoded, with its query. */
	readonly path: string;
	readonly headers?: OutgoingHttpHeaders;
	readonly body?: string;
	readonly signal: AbortSignal;
	/** For the whole request up to the last byte of the answer; 30 s unless given. */
	readonly timeoutMilliseconds?: number;
	/** The largest answer read; 8 MiB unless given. */
	readonly maximumBytes?: number;
	/** Asked about every IP address before a connection is opened to it. Behind a proxy only a host that is itself an IP can be judged. */
	readonly allowsAddress: AllowsAddress;
}

/** A request whose answer goes on for long, and is read line by line. */
export interface StreamRequest extends Pick<HttpRequest, "path" | "headers" | "signal" | "allowsAddress"> {
	/** Until the answer begins; 30 s unless given. */
	readonly timeoutMilliseconds?: number;
	/** How long nothing may come before the stream is taken for dead. */
	readonly idleMilliseconds: number;
	/** The longest line read, in bytes. */
	readonly maximumLineBytes: number;
}

const connectionLimits = { keepAlive: true, maxSockets: 64, maxFreeSockets: 64, scheduling: "lifo", timeout: 60_000 } as const;
const defaultTimeout = 30_000;
const defaultMaximumBytes = 8 * 1024 * 1024;

/**
 * HTTP to exactly one server, over connections that are kept open. A redirect is an error: whatever
 * the request carries is meant for this server and for no other.
 */
export class Transport {
	readonly #address: Address;
	readonly #tls: TlsOptions;
	readonly #proxy: string | undefined;
	readonly #lookup: LookupFunction | undefined;
	readonly #trust: TlsTrust | undefined;
	#agent: HttpAgent | undefined;
	#context: SecureContext | undefined;

	constructor(options: TransportOptions) {
		const environment = options.environment ?? process.env;
		this.#address = options.address;
		this.#tls = options.tls ?? {};
		this.#proxy = proxyFor(options.address, environment);
		this.#lookup = options.lookup;
		this.#trust = options.address.scheme === "https" ? new TlsTrust(this.#tls, environment) : undefined;
	}

	/**
	 * @throws ProviderError `unreachable` with stage and fact; `too-large`; `refused` by the guard; the
	 * signal's reason when it aborts; `invalid` when a TLS file cannot be used
	 */
	async request(request: HttpRequest): Promise<HttpAnswer> {
		guardLiteral(bareHost(this.#address), request.allowsAddress);
		request.signal.throwIfAborted();
		const open = this.#address.scheme === "https" ? httpsRequest : httpRequest;
		const outgoing = open(this.#requestOptions(request, this.#currentAgent()));
		const answer = await exchange(outgoing, request.body, serverName(this.#address), {
			signal: request.signal,
			timeoutMilliseconds: request.timeoutMilliseconds ?? defaultTimeout,
			maximumBytes: request.maximumBytes ?? defaultMaximumBytes,
		});
		if (answer.status >= 300 && answer.status < 400) throw this.#redirected(answer);
		return answer;
	}

	/**
	 * Sends a GET whose answer is a stream of lines, on a connection of its own: it would keep one of the others from
	 * requests for as long as it lasts. What limits how many there are is the caller's business.
	 *
	 * @throws ProviderError as {@link request}, until the answer begins
	 */
	async stream(request: StreamRequest): Promise<LineStream> {
		guardLiteral(bareHost(this.#address), request.allowsAddress);
		request.signal.throwIfAborted();
		const open = this.#address.scheme === "https" ? httpsRequest : httpRequest;
		const agent = this.#makeAgent(this.#trust?.current(), { keepAlive: false });
		const outgoing = open(this.#requestOptions({ ...request, method: "GET" }, agent));
		const answer = await openLines(outgoing, serverName(this.#address), {
			signal: request.signal,
			timeoutMilliseconds: request.timeoutMilliseconds ?? defaultTimeout,
			idleMilliseconds: request.idleMilliseconds,
			maximumLineBytes: request.maximumLineBytes,
		});
		if (answer.status >= 300 && answer.status < 400) throw this.#redirected(answer);
		return answer;
	}

	/** Closes every connection, those in use too. */
	close(): void {
		this.#agent?.destroy();
		this.#agent = undefined;
		this.#context = undefined;
	}

	#requestOptions(request: Omit<HttpRequest, "signal">, agent: HttpAgent): RequestOptions {
		const headers = { ...request.headers, ...(request.body === undefined ? {} : { "content-length": Buffer.byteLength(request.body) }) };
		const common = { method: request.method, path: request.path, headers, agent };
		const { socketPath, port } = this.#address;
		if (socketPath !== undefined) return { ...common, socketPath, host: "localhost" };
		const direct = this.#proxy === undefined ? { lookup: guardedLookup(request.allowsAddress, this.#lookup) } : {};
		return { ...common, ...direct, host: bareHost(this.#address), port };
	}

	#currentAgent(): HttpAgent {
		const context = this.#trust?.current();
		if (this.#agent !== undefined && context === this.#context) return this.#agent;
		if (this.#agent !== undefined) retire(this.#agent);
		this.#context = context;
		this.#agent = this.#makeAgent(context, connectionLimits);
		return this.#agent;
	}

	#makeAgent(secureContext: SecureContext | undefined, limits: AgentOptions): HttpAgent {
		const proxy = this.#proxy === undefined ? {} : { proxyEnv: { HTTP_PROXY: this.#proxy, HTTPS_PROXY: this.#proxy } };
		if (secureContext === undefined) return new HttpAgent({ ...limits, ...proxy });
		return new HttpsAgent({
			...limits,
			...proxy,
			secureContext,
			// Said outright, so that NODE_TLS_REJECT_UNAUTHORIZED in the environment changes nothing.
			rejectUnauthorized: this.#tls.skipVerification !== true,
			...(this.#tls.serverName === undefined ? {} : { servername: this.#tls.serverName }),
		});
	}

	#redirected(answer: Pick<HttpAnswer, "headers">): ProviderError {
		const target = URL.parse(answer.headers.location ?? "", `http://${this.#address.host}`)?.host ?? "another place";
		return new ProviderError("unreachable", `${serverName(this.#address)} redirects to ${target}, which is not followed.`, {
			remedy: `Write the address of the server that answers itself: ${target} was not asked, because the request is not meant for it.`,
		});
	}
}

/** Lets requests under way finish, and keeps none of their connections. */
function retire(agent: HttpAgent): void {
	agent.maxFreeSockets = 0;
	for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}
