import { createServer } from "node:http";
import type { ExecutionContext } from "ava";
import { listenDuring } from "./loopback.ts";

/** A listener that should hear nothing, or only what it may. */
export interface RecordingServer {
	readonly address: string;
	/** TCP connections accepted. */
	readonly connections: () => number;
	/** Everything that was sent to it, headers and bodies. */
	readonly received: () => string;
}

/** Starts a server on loopback that answers every request with 403 and keeps what it was sent. */
export async function startRecordingServer(t: ExecutionContext<unknown>): Promise<RecordingServer> {
	let connections = 0;
	const received: string[] = [];
	const server = createServer((request, response) => {
		received.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)}`);
		request.on("data", (chunk: Buffer) => received.push(chunk.toString("latin1")));
		request.on("end", () => response.writeHead(403, { "content-type": "application/json" }).end('{"errors":["permission denied"]}'));
	});
	server.on("connection", () => {
		connections += 1;
	});
	const port = await listenDuring(t, server);
	return { address: `http://127.0.0.1:${port}`, connections: () => connections, received: () => received.join("\n") };
}
