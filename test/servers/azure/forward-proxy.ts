import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

export interface ForwardProxyOptions {
	/** Whether a name leads anywhere. */
	knows(host: string): boolean;
	/** Takes over the connection of a client that is let through. */
	connect(socket: Duplex): void;
	/** Answers requests in plain HTTP, which a proxy is handed whole. */
	readonly plain: RequestListener;
}

/** A forward proxy (RFC 9110 §9.3.6) behind which the real names lead to the servers of one test. */
export class ForwardProxy {
	/** With it every CONNECT is answered, such as 403 or 407; undefined: it opens the way. */
	refuseWith: number | undefined;
	/** Takes CONNECT and says nothing. */
	hangs = false;
	/** What was asked for, `host:port`, in the order of arrival. */
	readonly tunnels: string[] = [];
	readonly server: Server;
	readonly #options: ForwardProxyOptions;

	constructor(options: ForwardProxyOptions) {
		this.#options = options;
		this.server = createServer((incoming, outgoing) => this.#plain(incoming, outgoing));
		this.server.on("connect", (incoming: IncomingMessage, socket: Duplex, head: Buffer) => this.#connect(incoming.url ?? "", socket, head));
	}

	get address(): string {
		return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
	}

	#connect(target: string, socket: Duplex, head: Buffer): void {
		this.tunnels.push(target);
		socket.on("error", () => socket.destroy());
		if (this.hangs) return;
		if (this.refuseWith !== undefined) {
			socket.end(`HTTP/1.1 ${this.refuseWith} Refused\r\ncontent-length: 0\r\n\r\n`);
			return;
		}
		const host = /^(.+):443$/.exec(target)?.[1];
		if (host === undefined || !this.#options.knows(host.toLowerCase())) {
			socket.end("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n");
			return;
		}
		socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
		if (head.length > 0) socket.unshift(head);
		this.#options.connect(socket);
	}

	/** A request in absolute form (RFC 9112 §3.2.2). */
	#plain(incoming: IncomingMessage, outgoing: ServerResponse): void {
		const host = URL.parse(incoming.url ?? "")?.hostname;
		if (this.refuseWith !== undefined || host === undefined || !this.#options.knows(host)) {
			outgoing.writeHead(this.refuseWith ?? 502, { "content-length": 0 }).end();
			return;
		}
		this.#options.plain(incoming, outgoing);
	}
}
