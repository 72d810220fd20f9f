import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ProviderError } from "../errors.ts";
import type { Metrics } from "./metrics.ts";

/** Answers `/healthz` (the process works), `/readyz` (its sockets are served) and `/metrics`. */
export interface HealthServer {
	/** `host:port` as bound. */
	readonly address: string;
	setReady(ready: boolean): void;
	stop(): Promise<void>;
}

export interface ListenAddress {
	readonly host: string;
	readonly port: number;
}

/** Reads `host:port`, `[host]:port` or `:port` (all interfaces). */
export function parseListenAddress(text: string): ListenAddress | undefined {
	const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
	const port = Number(match?.[3]);
	if (match === null || port > 65_535) return undefined;
	return { host: match[1] ?? (match[2] === "" || match[2] === undefined ? "::" : match[2]), port };
}

/** @throws ProviderError `invalid` when the address cannot be listened on */
export async function startHealthServer(address: ListenAddress, metrics: Metrics): Promise<HealthServer> {
	let ready = false;
	const server = createServer((request, response) => {
		void answer(request, response, ready, metrics);
	});
	await listen(server, address);
	const bound = server.address() as AddressInfo;
	return {
		address: bound.family === "IPv6" ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`,
		setReady(value) {
			ready = value;
		},
		stop: () =>
			new Promise((resolve) => {
				server.close(() => resolve());
				server.closeAllConnections();
			}),
	};
}

function listen(server: Server, { host, port }: ListenAddress): Promise<void> {
	return new Promise((resolve, reject) => {
		server.once("error", (cause: NodeJS.ErrnoException) => {
			const reason = cause.code === "EADDRINUSE" ? "is taken" : "cannot be listened on";
			reject(new ProviderError("invalid", `--http ${host}:${port} ${reason}.`, { remedy: "Choose another address.", cause }));
		});
		server.listen({ host, port }, () => resolve());
	});
}

async function answer(request: IncomingMessage, response: ServerResponse, ready: boolean, metrics: Metrics): Promise<void> {
	const [status, text] = await respond(request.url?.split("?", 1)[0], ready, metrics);
	response.writeHead(status, { "content-type": "text/plain; version=0.0.4; charset=utf-8", "content-length": Buffer.byteLength(text) });
	response.end(text);
}

async function respond(path: string | undefined, ready: boolean, metrics: Metrics): Promise<readonly [number, string]> {
	if (path === "/healthz") return [200, "ok\n"];
	if (path === "/readyz") return ready ? [200, "ok\n"] : [503, "not serving\n"];
	if (path === "/metrics") return [200, await metrics.text()];
	return [404, "not found\n"];
}
