import type { IncomingMessage, ServerResponse } from "node:http";
import type { ExecutionContext } from "ava";
import { startApiServer } from "../support/api-server.ts";

/** An API server that says what the test tells it to, for what a real one cannot be made to say. */
export interface ScriptedApi {
	readonly address: string;
	readonly caFile: string;
	/** Answers the next call, which must be a list. */
	answerList(body: object): Promise<void>;
	/** Takes the next call, which must be a watch. */
	watch(): Promise<ScriptedWatch>;
}

export interface ScriptedWatch {
	readonly path: string;
	send(event: object): void;
	/** Breaks the connection. */
	cut(): void;
	/** Ends the answer in order. */
	end(): void;
}

interface Call {
	readonly request: IncomingMessage;
	readonly response: ServerResponse;
}

/** Starts one on loopback; it stops with the test. */
export async function startScriptedApi(t: ExecutionContext<unknown>): Promise<ScriptedApi> {
	const calls: Call[] = [];
	let arrived = Promise.withResolvers<void>();
	const { address, caFile } = await startApiServer(t, (request, response) => {
		calls.push({ request, response });
		arrived.resolve();
	});
	async function next(isWatch: boolean): Promise<Call> {
		while (calls.length === 0) await arrived.promise;
		arrived = Promise.withResolvers<void>();
		const call = calls.shift();
		if (call === undefined || call.request.url?.includes("watch=1") !== isWatch) throw new Error(`unexpected call ${call?.request.url}`);
		return call;
	}
	return {
		address,
		caFile,
		async answerList(body) {
			(await next(false)).response.end(JSON.stringify(body));
		},
		async watch() {
			const { request, response } = await next(true);
			response.flushHeaders();
			return {
				path: request.url ?? "",
				send: (event) => void response.write(`${JSON.stringify(event)}\n`),
				cut: () => void response.destroy(),
				end: () => void response.end(),
			};
		},
	};
}
