import { createServer as createPlainServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, type ServerOptions } from "node:https";
import type { Server, Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { listen, stopListening } from "../support/loopback.ts";
import { type Misbehaviour, misbehave } from "./latency-proxy.ts";

/** One request, whole. */
export interface StandInRequest {
	readonly method: string;
	/** As it was sent, undecoded, without the query. */
	readonly path: string;
	/** As it was sent, undecoded, without the question mark; undefined where there was none. */
	readonly query: string | undefined;
	readonly headers: IncomingHttpHeaders;
	readonly body: Buffer;
	readonly socket: Socket;
}

export interface Answer {
	readonly status: number;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: string | Buffer;
}

/** What a request is about; what of it becomes known only while it is answered may be set then. */
export interface Purpose {
	/** Empty for what there is no answer to. */
	readonly operation: string;
	readonly resource: string;
	/** Who asks; empty when that is not known. */
	caller: string;
}

/** One request that has come in whole. */
export interface CallRecord {
	readonly operation: string;
	readonly resource: string;
	readonly caller: string;
	/** 0 as long as there is no answer. */
	readonly status: number;
	/** Which connection it came by, counted from 1. */
	readonly connection: number;
}

/** What goes wrong with a request. */
export type Fault =
	| Misbehaviour
	/** Answers rightly, but late. */
	| { readonly kind: "delay"; readonly milliseconds: number };

/** Which requests; what is not said fits all. */
export interface FaultScope {
	readonly operation?: string;
	readonly resource?: RegExp;
	readonly caller?: string;
	/** For how many requests; for ever unless given. */
	readonly times?: number;
}

/** The faults that are in effect; of several that fit, the one added first counts. */
export class Faults {
	#active: readonly { readonly fault: Fault; readonly scope: FaultScope; left: number }[] = [];

	/** @returns ends it */
	add(fault: Fault, scope: FaultScope = {}): () => void {
		const added = { fault, scope, left: scope.times ?? Number.POSITIVE_INFINITY };
		this.#active = [...this.#active, added];
		return () => {
			this.#active = this.#active.filter((candidate) => candidate !== added);
		};
	}

	clear(): void {
		this.#active = [];
	}

	/** The fault of this request, which counts as one of its times. */
	take(purpose: Purpose): Fault | undefined {
		const found = this.#active.find(({ scope, left }) => left > 0 && fits(scope, purpose));
		if (found === undefined) return undefined;
		found.left -= 1;
		return found.fault;
	}
}

function fits(scope: FaultScope, { operation, resource, caller }: Purpose): boolean {
	if (scope.operation !== undefined && scope.operation !== operation) return false;
	if (scope.caller !== undefined && scope.caller !== caller) return false;
	return scope.resource?.test(resource) ?? true;
}

/** A request that is answered with an error. */
export class Refusal extends Error {
	override readonly name = "Refusal";
	readonly answer: Answer;

	constructor(message: string, answer: Answer) {
		super(message);
		this.answer = answer;
	}
}

/** The knowledge of one service. */
export interface Desk {
	/** What a request is about, without judging anything. */
	read(request: StandInRequest): Purpose;
	/** @throws Refusal */
	answer(request: StandInRequest, purpose: Purpose): Answer | Promise<Answer>;
}

// Real servers take less; a stand-in must be able to say so in their words.
const longestHeaders = 256 * 1024;

/** Takes requests on loopback, keeps a record of them, and leads each past the faults to its desk. */
export class StandIn {
	readonly faults = new Faults();
	/** In the order of arrival. */
	readonly calls: CallRecord[] = [];
	/** Added to each answer. */
	latencyMilliseconds = 0;
	readonly #desk: Desk;
	readonly #servers: Server[] = [];
	readonly #connections = new WeakMap<Socket, number>();
	#connectionCount = 0;
	#open = 0;

	constructor(desk: Desk) {
		this.#desk = desk;
	}

	/** Requests that have no whole answer yet and whose client still waits. */
	get openRequests(): number {
		return this.#open;
	}

	/** Connections on which requests may come, counted since the start. */
	get connections(): number {
		return this.#connectionCount;
	}

	/** @param tls without it the server speaks plain HTTP @returns the port */
	async listen(tls?: ServerOptions): Promise<number> {
		const serve = (request: IncomingMessage, response: ServerResponse) => void this.#serve(request, response);
		const limits = { maxHeaderSize: longestHeaders };
		const server = tls === undefined ? createPlainServer(limits, serve) : createServer({ ...limits, ...tls }, serve);
		this.#servers.push(server);
		server.on(tls === undefined ? "connection" : "secureConnection", (socket: Socket) => {
			this.#connectionCount += 1;
			this.#connections.set(socket, this.#connectionCount);
		});
		return listen(server);
	}

	/** Forgets calls, faults and latency. */
	reset(): void {
		this.calls.length = 0;
		this.faults.clear();
		this.latencyMilliseconds = 0;
	}

	/** How often each operation was asked for. */
	counts(): Readonly<Record<string, number>> {
		const counts: Record<string, number> = {};
		for (const { operation } of this.calls) counts[operation] = (counts[operation] ?? 0) + 1;
		return counts;
	}

	async stop(): Promise<void> {
		await Promise.all(this.#servers.splice(0).map(stopListening));
	}

	async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
		this.#open += 1;
		outgoing.once("close", () => {
			this.#open -= 1;
		});
		// A client that goes away in the middle of its request gets no answer.
		const body = await buffer(incoming).catch(() => undefined);
		if (body === undefined) return;
		const request = requestOf(incoming, body);
		const purpose = this.#desk.read(request);
		const record = { ...purpose, status: 0, connection: this.#connections.get(incoming.socket) ?? 0 };
		this.calls.push(record);
		const fault = this.faults.take(purpose);
		if (fault?.kind === "status") record.status = fault.status;
		if (fault !== undefined && fault.kind !== "delay") return misbehave(fault, incoming, outgoing);
		const answer = await this.#answerOf(request, purpose);
		const milliseconds = fault?.milliseconds ?? this.latencyMilliseconds;
		if (milliseconds > 0) await sleep(milliseconds);
		record.caller = purpose.caller;
		record.status = answer.status;
		outgoing.writeHead(answer.status, answer.headers).end(answer.body ?? "");
	}

	async #answerOf(request: StandInRequest, purpose: Purpose): Promise<Answer> {
		try {
			return await this.#desk.answer(request, purpose);
		} catch (error) {
			if (error instanceof Refusal) return error.answer;
			throw error;
		}
	}
}

function requestOf({ method = "", url = "", headers, socket }: IncomingMessage, body: Buffer): StandInRequest {
	const mark = url.indexOf("?");
	const [path, query] = mark === -1 ? [url, undefined] : [url.slice(0, mark), url.slice(mark + 1)];
	return { method, path, query, headers, body, socket };
}
