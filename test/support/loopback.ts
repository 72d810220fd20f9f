import { once } from "node:events";
import type { Server, Socket } from "node:net";
import type { ExecutionContext } from "ava";

/** The open connections of each server: a server itself counts neither tunnels nor what never finishes its handshake. */
const connections = new WeakMap<Server, Set<Socket>>();

/** Has a server listen on a free port of loopback. @returns the port */
export async function listen(server: Server): Promise<number> {
	const open = new Set<Socket>();
	connections.set(server, open);
	server.on("connection", (socket: Socket) => {
		open.add(socket);
		socket.once("close", () => open.delete(socket));
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	return portOf(server);
}

/** Has a server listen on loopback until the test ends. @returns the port */
export function listenDuring(t: ExecutionContext<unknown>, server: Server): Promise<number> {
	t.teardown(() => stopListening(server));
	return listen(server);
}

/** @throws Error where it does not listen on a port */
export function portOf(server: Server): number {
	const address = server.address();
	if (address === null || typeof address === "string") throw new Error("the server has no port");
	return address.port;
}

/** Ends a server that {@link listen} began, and its connections. One that has ended stays as it is. */
export async function stopListening(server: Server): Promise<void> {
	if (!server.listening) return;
	server.close();
	for (const socket of connections.get(server) ?? []) socket.destroy();
	await once(server, "close");
}
