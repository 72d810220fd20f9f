import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { TLSSocket } from "node:tls";
import type { ExecutionContext } from "ava";
import { listen, portOf, stopListening } from "../support/loopback.ts";

/** What a misbehaving server does instead of answering. */
export type Misbehaviour =
	/** Takes the request and says nothing. */
	| { readonly kind: "hang" }
	/** Answers 200 and one byte a second. */
	| { readonly kind: "drip" }
	/** Cuts the connection. */
	| { readonly kind: "reset" }
	/** Sends half of an answer and cuts the connection. */
	| { readonly kind: "truncate" }
	| { readonly kind: "status"; readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
	| { readonly kind: "redirect"; readonly location: string; readonly status?: number }
	/** Sends a body without an end. */
	| { readonly kind: "endless" };

export interface LatencyProxyOptions {
	/** The server behind it, `http://host:port`. */
	readonly target: string;
	/** Added to each answer. */
	readonly delayMilliseconds?: number;
}

/** An HTTP proxy on loopback, in front of one server. */
export interface LatencyProxy {
	readonly address: string;
	/** How often each path (without its query) was asked for. */
	readonly counts: ReadonlyMap<string, number>;
	/** Every path in the order of arrival. */
	readonly requests: readonly string[];
	delayMilliseconds: number;
	/** From now on, for requests whose path the pattern fits (all, unless given); `undefined` ends it. Connections that hang stay until their client goes. */
	misbehave(behaviour: Misbehaviour | undefined, path?: RegExp): void;
	/** Requests that have no whole answer yet and whose client still waits. */
	openRequests(): number;
	/** The most requests that were open at the same time. */
	readonly peakOpenRequests: number;
	reset(): void;
	stop(): Promise<void>;
}

/** Starts a proxy; it stops with the test, or by `stop()` where `t` is undefined because many tests share it. */
export async function startLatencyProxy(t: ExecutionContext<unknown> | undefined, options: LatencyProxyOptions): Promise<LatencyProxy> {
	const running = new RunningProxy(options);
	t?.teardown(() => running.stop());
	await running.listen();
	return running;
}

class RunningProxy implements LatencyProxy {
	readonly counts = new Map<string, number>();
	readonly requests: string[] = [];
	delayMilliseconds: number;
	peakOpenRequests = 0;
	readonly #target: URL;
	readonly #agent = new Agent({ keepAlive: true, maxSockets: 256 });
	readonly #server = createServer((incoming, outgoing) => void this.#serve(incoming, outgoing));
	#open = 0;
	#behaviour: Misbehaviour | undefined;
	#pattern = /^/;

	constructor(options: LatencyProxyOptions) {
		this.#target = new URL(options.target);
		this.delayMilliseconds = options.delayMilliseconds ?? 0;
	}

	get address(): string {
		return `http://127.0.0.1:${portOf(this.#server)}`;
	}

	async listen(): Promise<void> {
		await listen(this.#server);
	}

	misbehave(behaviour: Misbehaviour | undefined, path = /^/): void {
		this.#behaviour = behaviour;
		this.#pattern = path;
	}

	openRequests(): number {
		return this.#open;
	}

	reset(): void {
		this.counts.clear();
		this.requests.length = 0;
		this.peakOpenRequests = 0;
		this.misbehave(undefined);
	}

	async stop(): Promise<void> {
		this.#agent.destroy();
		await stopListening(this.#server);
	}

	async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
		const [path = ""] = (incoming.url ?? "").split("?");
		this.counts.set(path, (this.counts.get(path) ?? 0) + 1);
		this.requests.push(path);
		this.#open += 1;
		this.peakOpenRequests = Math.max(this.peakOpenRequests, this.#open);
		outgoing.once("close", () => {
			this.#open -= 1;
		});
		const behaviour = this.#pattern.test(path) ? this.#behaviour : undefined;
		if (behaviour === undefined) await this.#forward(incoming, outgoing);
		else misbehave(behaviour, incoming, outgoing);
	}

	async #forward(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
		const { hostname, port } = this.#target;
		const headers = { ...incoming.headers, host: this.#target.host };
		const onward = request({ agent: this.#agent, hostname, port, method: incoming.method, path: incoming.url, headers });
		outgoing.once("close", () => onward.destroy());
		onward.once("error", () => outgoing.destroy());
		incoming.pipe(onward);
		const [answer] = (await once(onward, "response").catch(() => [])) as [IncomingMessage?];
		if (answer === undefined) return;
		if (this.delayMilliseconds > 0) await sleep(this.delayMilliseconds);
		outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
		answer.pipe(outgoing);
	}
}

/** Does to one request what a misbehaving server does. */
export function misbehave(behaviour: Misbehaviour, incoming: IncomingMessage, outgoing: ServerResponse): void {
	incoming.resume();
	switch (behaviour.kind) {
		case "hang":
			return;
		case "reset":
			reset(incoming.socket);
			return;
		case "truncate":
			outgoing.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
			outgoing.write('{"data":', () => incoming.socket.destroy());
			return;
		case "drip":
			drip(outgoing);
			return;
		case "endless":
			flood(outgoing);
			return;
		case "redirect":
			outgoing.writeHead(behaviour.status ?? 302, { location: behaviour.location }).end();
			return;
		case "status":
			outgoing.writeHead(behaviour.status, behaviour.headers).end(behaviour.body ?? "");
	}
}

/** A connection with TLS has no reset of its own. */
function reset(socket: Socket): void {
	if (socket instanceof TLSSocket) socket.destroy();
	else socket.resetAndDestroy();
}

function drip(outgoing: ServerResponse): void {
	outgoing.writeHead(200, { "content-type": "application/json" });
	const timer = setInterval(() => outgoing.write("{"), 1000);
	outgoing.once("close", () => clearInterval(timer));
}

function flood(outgoing: ServerResponse): void {
	outgoing.writeHead(200, { "content-type": "application/json" });
	const chunk = Buffer.alloc(64 * 1024, " ");
	const more = () => {
		while (!outgoing.destroyed && outgoing.write(chunk));
	};
	outgoing.on("drain", more);
	more();
}
