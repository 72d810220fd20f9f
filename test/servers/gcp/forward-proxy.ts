import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { listen, portOf, stopListening } from "../../support/loopback.ts";
import { readHost } from "./hosts.ts";

/** How a proxy behaves towards those who want through it. */
export type ProxyConduct =
	| "open"
	/** Answers CONNECT with 403. */
	| "refuse"
	/** Takes CONNECT and says nothing. */
	| "hang";

/** A forward proxy that opens tunnels to some hosts, all of which are one server here, and to nothing else. */
export class ForwardProxy {
	conduct: ProxyConduct = "open";
	/** `host:port` of every tunnel that was asked for. */
	readonly targets: string[] = [];
	readonly #server = createServer((_request, response) => response.writeHead(403).end());
	readonly #frontPort: number;
	readonly #leadsTo: (host: string) => boolean;

	/** @param leadsTo the hosts; Google's unless given */
	constructor(frontPort: number, leadsTo = (host: string) => readHost(host) !== undefined) {
		this.#frontPort = frontPort;
		this.#leadsTo = leadsTo;
		this.#server.on("connect", (request, socket: Duplex) => this.#open(request.url ?? "", socket));
	}

	/** For HTTPS_PROXY. */
	get address(): string {
		return `http://127.0.0.1:${portOf(this.#server)}`;
	}

	async listen(): Promise<void> {
		await listen(this.#server);
	}

	/** Ends it, and every tunnel. */
	stop(): Promise<void> {
		return stopListening(this.#server);
	}

	#open(target: string, socket: Duplex): void {
		this.targets.push(target);
		ignoreErrors(socket);
		if (this.conduct === "hang") return;
		const [host = "", port] = target.split(":");
		if (this.conduct === "refuse") return void socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
		if (port !== "443" || !this.#leadsTo(host)) return void socket.end("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n");
		const onward: Socket = connect(this.#frontPort, "127.0.0.1", () => socket.write("HTTP/1.1 200 Connection Established\r\n\r\n"));
		ignoreErrors(onward);
		socket.pipe(onward).pipe(socket);
		socket.once("close", () => onward.destroy());
		onward.once("close", () => socket.destroy());
	}
}

/** A tunnel that breaks is closed, which is all there is to do. */
function ignoreErrors(socket: Duplex): void {
	socket.on("error", () => {});
}
