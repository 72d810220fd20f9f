import { readFileSync } from "node:fs";
import { createServer as createHttpServer, type Server as HttpServer, type RequestListener } from "node:http";
import { createServer as createHttpsServer, type ServerOptions } from "node:https";
import type { Server } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Certificate } from "../../net/certificates.ts";
import { listen, stopListening } from "../../support/loopback.ts";
import { ForwardProxy } from "./forward-proxy.ts";

/** Answers requests for one host, whatever the address it was reached at. */
export type HostListener = (host: string) => RequestListener;

export interface NetworkOptions {
	readonly certificate: Certificate;
	readonly listener: HostListener;
	/** Whether a name leads to one of the servers. */
	knows(host: string): boolean;
}

/** The listeners on loopback: one behind the forward proxy for every real name, and direct ones for single hosts. */
export class Network {
	readonly proxy: ForwardProxy;
	/** TLS connections that were opened, by server name; the empty one where none was given. */
	readonly handshakes: string[] = [];
	readonly #options: NetworkOptions;
	readonly #tls: ServerOptions;
	readonly #listening: Server[] = [];

	private constructor(options: NetworkOptions) {
		this.#options = options;
		this.#tls = { cert: readFileSync(options.certificate.certificate), key: readFileSync(options.certificate.key) };
		const named: RequestListener = (incoming, outgoing) => {
			const host = (incoming.headers.host ?? "").replace(/:\d+$/, "").toLowerCase();
			options.listener(host)(incoming, outgoing);
		};
		const behind = this.#track(createHttpsServer(this.#tls, named));
		this.proxy = new ForwardProxy({ knows: options.knows, connect: (socket) => behind.emit("connection", socket), plain: named });
	}

	static async start(options: NetworkOptions): Promise<Network> {
		const network = new Network(options);
		await network.#listen(network.#track(network.proxy.server));
		return network;
	}

	/** An address on loopback that is one host. */
	async listenAs(host: string, scheme: "http" | "https"): Promise<string> {
		const listener = this.#options.listener(host);
		const server = scheme === "http" ? createHttpServer(listener) : createHttpsServer(this.#tls, listener);
		return `${scheme}://127.0.0.1:${await this.#listen(this.#track(server))}`;
	}

	/** As `listenAs`, for clients that name this server in the handshake; any other is hung up on. */
	async listenNamed(host: string): Promise<string> {
		const listener = this.#options.listener(host);
		const server = createHttpsServer(this.#tls, listener);
		server.on("secureConnection", (socket: TLSSocket) => {
			if (socket.servername !== host) socket.destroy();
		});
		return `https://127.0.0.1:${await this.#listen(this.#track(server))}`;
	}

	async stop(): Promise<void> {
		await Promise.all(this.#listening.map(stopListening));
	}

	async #listen(server: Server): Promise<number> {
		this.#listening.push(server);
		return listen(server);
	}

	#track<Some extends HttpServer | Server>(server: Some): Some {
		server.on("secureConnection", (socket: TLSSocket) => this.handshakes.push(socket.servername || ""));
		return server;
	}
}
