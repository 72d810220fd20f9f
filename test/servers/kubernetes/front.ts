import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Agent, createServer, request as httpsRequest } from "node:https";
import type { ExecutionContext } from "ava";
import { issue, makeAuthority } from "../../net/certificates.ts";
import { listenDuring } from "../../support/loopback.ts";
import { temporaryDirectory } from "../../support/temporary-directory.ts";
import { type Misbehaviour, misbehave } from "../latency-proxy.ts";
import type { Cluster } from "./cluster.ts";

/** A server in front of an API server: notes what is asked, and does what no real one can be made to do. */
export interface ApiFront {
	/** `https://127.0.0.1:PORT` */
	readonly address: string;
	readonly caFile: string;
	/** `METHOD path?query` of every request, in the order of arrival. */
	readonly requests: readonly string[];
	/** Those that are not watches. */
	reads(): readonly string[];
	watches(): readonly string[];
	/** From now on, for requests that the pattern fits (all, unless given); `undefined` ends it. */
	misbehave(behaviour: Misbehaviour | undefined, pattern?: RegExp): void;
	/** Sends a line to every watch that is open, as if the API server had. */
	tell(event: object): void;
	/** Ends every open watch as the API server does in time. */
	endWatches(): void;
	openWatches(): number;
	/** Requests whose answer is not complete and whose client still waits, without watches. */
	openReads(): number;
}

export interface ApiFrontOptions {
	/** Stands in for whatever token a request brings. */
	readonly token?: string;
}

/** Starts one on loopback; it stops with the test. */
export async function startApiFront(
	t: ExecutionContext<unknown>,
	cluster: Pick<Cluster, "address" | "caFile">,
	{ token }: ApiFrontOptions = {},
): Promise<ApiFront> {
	const directory = temporaryDirectory(t);
	const authority = makeAuthority(directory, "front-authority", "ec");
	const { certificate, key } = issue(directory, authority, "front", { keyType: "ec" });
	const front = new RunningFront(cluster, authority.certificate, token);
	const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (incoming, outgoing) =>
		front.serve(incoming, outgoing),
	);
	t.teardown(() => front.close());
	front.address = `https://127.0.0.1:${await listenDuring(t, server)}`;
	return front;
}

class RunningFront implements ApiFront {
	address = "";
	readonly caFile: string;
	readonly requests: string[] = [];
	readonly #target: URL;
	readonly #agent: Agent;
	readonly #replaced: { readonly authorization?: string };
	readonly #open = new Map<ServerResponse, string>();
	#behaviour: Misbehaviour | undefined;
	#pattern = /^/;

	constructor(cluster: Pick<Cluster, "address" | "caFile">, caFile: string, token: string | undefined) {
		this.#replaced = token === undefined ? {} : { authorization: `Bearer ${token}` };
		this.caFile = caFile;
		this.#target = new URL(cluster.address);
		this.#agent = new Agent({ ca: readFileSync(cluster.caFile), keepAlive: true });
	}

	reads(): readonly string[] {
		return this.requests.filter((request) => !isWatch(request));
	}

	watches(): readonly string[] {
		return this.requests.filter(isWatch);
	}

	misbehave(behaviour: Misbehaviour | undefined, pattern = /^/): void {
		this.#behaviour = behaviour;
		this.#pattern = pattern;
	}

	tell(event: object): void {
		for (const outgoing of this.#watches()) outgoing.write(`${JSON.stringify(event)}\n`);
	}

	endWatches(): void {
		for (const outgoing of this.#watches()) outgoing.end();
	}

	openWatches(): number {
		return this.#watches().filter((outgoing) => outgoing.headersSent).length;
	}

	openReads(): number {
		return [...this.#open.values()].filter((request) => !isWatch(request)).length;
	}

	close(): void {
		this.#agent.destroy();
	}

	serve(incoming: IncomingMessage, outgoing: ServerResponse): void {
		const request = `${incoming.method} ${incoming.url}`;
		this.requests.push(request);
		this.#open.set(outgoing, request);
		outgoing.once("close", () => this.#open.delete(outgoing));
		if (this.#behaviour !== undefined && this.#pattern.test(request)) misbehave(this.#behaviour, incoming, outgoing);
		else this.#forward(incoming, outgoing);
	}

	#watches(): readonly ServerResponse[] {
		return [...this.#open].filter(([, request]) => isWatch(request)).map(([outgoing]) => outgoing);
	}

	#forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
		const { hostname, port, host } = this.#target;
		const { method, url: path } = incoming;
		const onward = httpsRequest(
			{ agent: this.#agent, hostname, port, method, path, headers: { ...incoming.headers, ...this.#replaced, host } },
			(answer) => {
				outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
				outgoing.flushHeaders();
				answer.on("error", () => outgoing.destroy());
				// A watch that was ended here goes on over there for a moment.
				answer.on("data", (chunk: Buffer) => outgoing.writableEnded || outgoing.write(chunk));
				answer.on("end", () => outgoing.end());
			},
		);
		outgoing.once("close", () => onward.destroy());
		onward.once("error", () => outgoing.destroy());
		incoming.pipe(onward);
	}
}

function isWatch(request: string): boolean {
	return request.includes("watch=1");
}
