import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { readHost } from "./hosts.ts";

/** How a proxy behaves towards those who want through it. */
export type ProxyConduct =
	| "open"
	/** Answers CONNECT with 403. */
	| "refuse"
	/** Takes CONNECT and says nothing. */
	| "hang";

/** A forward proxy that opens tunnels to Google's hosts, all of which are the stand-ins, and to nothing else. */
export class ForwardProxy {
	conduct: ProxyConduct = "open";
	/** `host:port` of every tunnel that was asked for. */
	readonly targets: string[] = [];
	readonly #server = createServer((_request, response) => response.writeHead(403).end());
	readonly #sockets = new Set<Duplex>();
	readonly #frontPort: number;

	constructor(frontPort: number) {
		this.#frontPort = frontPort;
		this.#server.on("connect", (request, socket: Duplex) => this.#open(request.url ?? "", socket));
	}

	/** For HTTPS_PROXY. */
	get address(): string {
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
	}

	async listen(): Promise<void> {
		this.#server.listen(0, "127.0.0.1");
		await once(this.#server, "listening");
	}

	/** Ends it, and every tunnel. */
	async stop(): Promise<void> {
		if (!this.#server.listening) return;
		this.#server.close();
		this.#server.closeAllConnections();
		for (const socket of this.#sockets) socket.destroy();
		await once(this.#server, "close");
	}

	#open(target: string, socket: Duplex): void {
		this.targets.push(target);
		this.#keep(socket);
		if (this.conduct === "hang") return;
		const [host = "", port] = target.split(":");
		if (this.conduct === "refuse") return void socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
		if (port !== "443" || readHost(host) === undefined) return void socket.end("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n");
		const onward: Socket = connect(this.#frontPort, "127.0.0.1", () => socket.write("HTTP/1.1 200 Connection Established\r\n\r\n"));
		this.#keep(onward);
		socket.pipe(onward).pipe(socket);
		socket.once("close", () => onward.destroy());
		onward.once("close", () => socket.destroy());
	}

	#keep(socket: Duplex): void {
		this.#sockets.add(socket);
		socket.once("close", () => this.#sockets.delete(socket));
		// A tunnel that breaks is closed, which is all there is to do.
		socket.on("error", () => {});
	}
}
