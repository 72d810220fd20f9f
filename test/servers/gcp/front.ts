import { createServer as createPlainServer, type IncomingMessage, type Server as PlainServer, type ServerResponse } from "node:http";
import { createServer, Server } from "node:https";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { listen, stopListening } from "../../support/loopback.ts";
import { misbehave } from "../latency-proxy.ts";
import type { AccessTokens } from "./access-tokens.ts";
import { type Answer, type Call, Refusal, type Route, statusError } from "./answers.ts";
import type { ServerCertificate } from "./certificate.ts";
import { type Fault, Faults, Quotas } from "./faults.ts";
import { type GoogleHost, readHost } from "./hosts.ts";

/** One request that has come in whole. */
export interface CallRecord {
	/** Such as `secrets.access`; empty for what no API has. */
	readonly operation: string;
	readonly host: string;
	readonly resource: string;
	/** Such as `serviceAccount:app@my-proj.iam.gserviceaccount.com`; empty when it was not known. */
	readonly principal: string;
	/** 0 as long as there is no answer. */
	readonly status: number;
	/** Which connection it came by, counted from 1. */
	readonly connection: number;
}

const notFound: Answer = {
	status: 404,
	headers: { "content-type": "text/html; charset=UTF-8" },
	body: "<!DOCTYPE html><title>Error 404 (Not Found)!!1</title><p>The requested URL was not found on this server.",
};

/** Takes requests for any of Google's hosts, and leads each to its API, past quotas and faults. */
export class Front {
	readonly faults = new Faults();
	readonly quotas = new Quotas();
	/** In the order of arrival. */
	readonly calls: CallRecord[] = [];
	/** Added to each answer. */
	latencyMilliseconds = 0;
	readonly #routes: readonly Route[];
	readonly #tokens: AccessTokens;
	readonly #certificate: ServerCertificate;
	readonly #servers: (Server | PlainServer)[] = [];
	readonly #connections = new WeakMap<object, number>();
	#connectionCount = 0;
	#open = 0;

	constructor(routes: readonly Route[], tokens: AccessTokens, certificate: ServerCertificate) {
		this.#routes = routes;
		this.#tokens = tokens;
		this.#certificate = certificate;
	}

	/** Requests that have no whole answer yet and whose client still waits. */
	get openRequests(): number {
		return this.#open;
	}

	/**
	 * Listens on loopback with TLS.
	 *
	 * @param host the one whose requests come in here; unless given, the header Host tells it, as behind a proxy
	 * @returns the port
	 */
	listen(host?: GoogleHost): Promise<number> {
		const { certificate: cert, key } = this.#certificate;
		const server = createServer({ cert, key }, (request, response) => {
			const named = host ?? readHost((request.headers.host ?? "").replace(/:443$/, ""));
			void this.#serve(named, request, response);
		});
		return this.#start(server);
	}

	/** Listens on loopback without TLS, as the metadata server does. @returns the port */
	listenPlain(host: GoogleHost): Promise<number> {
		return this.#start(createPlainServer((request, response) => void this.#serve(host, request, response)));
	}

	async stop(): Promise<void> {
		const closed = this.#servers.map(stopListening);
		this.#servers.length = 0;
		await Promise.all(closed);
	}

	async #start(server: Server | PlainServer): Promise<number> {
		this.#servers.push(server);
		server.on(server instanceof Server ? "secureConnection" : "connection", (socket: object) => {
			this.#connectionCount += 1;
			this.#connections.set(socket, this.#connectionCount);
		});
		return listen(server);
	}

	async #serve(host: GoogleHost | undefined, request: IncomingMessage, response: ServerResponse): Promise<void> {
		this.#open += 1;
		response.once("close", () => {
			this.#open -= 1;
		});
		// A client that goes away in the middle of its request gets no answer.
		const body = await buffer(request).catch(() => undefined);
		if (body === undefined) return;
		const { operation, call, route } = this.#read(host, request, body);
		const { principal, resource } = call;
		const connection = this.#connections.get(request.socket) ?? 0;
		const record = { operation, host: call.host.name, resource, principal, status: 0, connection };
		this.calls.push(record);
		const fault = this.faults.take(operation, call);
		const answer = await answerOf(route, call, fault, () => this.quotas.spend(operation, call));
		const milliseconds = fault?.kind === "delay" ? fault.milliseconds : this.latencyMilliseconds;
		if (milliseconds > 0) await sleep(milliseconds);
		record.principal = call.principal;
		if (fault !== undefined && !answers(fault)) {
			misbehave(fault, request, response);
			return;
		}
		record.status = answer.status;
		const text = typeof answer.body === "string" ? answer.body : JSON.stringify(answer.body);
		response.writeHead(answer.status, { "content-type": "application/json; charset=UTF-8", ...answer.headers }).end(text);
	}

	#read(host: GoogleHost | undefined, request: IncomingMessage, body: Buffer) {
		const path = decode((request.url ?? "").replace(/\?.*$/s, ""));
		const { method = "", headers } = request;
		const matching = this.#routes.filter((route) => route.service === host?.service && route.method === method);
		const [route, match] = matching.map((each) => [each, each.path.exec(path)] as const).find(([, found]) => found !== null) ?? [];
		const known = host ?? { name: headers.host ?? "", service: "metadata", location: "global" };
		const call: Call = { host: known, method, path, headers, body, resource: match?.[1] ?? "", principal: "" };
		call.principal = this.#tokens.holder(call);
		return { operation: route?.operation ?? "", call, route };
	}
}

/** What the API says; a refusal of it is an answer too. */
async function answerOf(route: Route | undefined, call: Call, fault: Fault | undefined, spend: () => void): Promise<Answer> {
	try {
		if (fault?.kind === "error") throw statusError(fault.status, `${fault.status} by a fault.`, fault);
		if (route === undefined) return notFound;
		spend();
		const answer = await route.handle(call);
		return fault?.kind === "alter" && typeof answer.body === "object" ? { ...answer, body: fault.alter(answer.body) } : answer;
	} catch (error) {
		if (error instanceof Refusal) return error.answer;
		throw error;
	}
}

/** Whether there is an answer all the same. */
function answers(fault: Fault): fault is Extract<Fault, { readonly kind: "error" | "delay" | "alter" }> {
	return fault.kind === "error" || fault.kind === "delay" || fault.kind === "alter";
}

function decode(path: string): string {
	try {
		return decodeURIComponent(path);
	} catch {
		return path;
	}
}
