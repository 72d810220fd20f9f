import { createServer, type Server, type Socket } from "node:net";
import { type Server as GrpcServer, ServerCredentials } from "@grpc/grpc-js";
import { WholeWrites } from "./whole-writes.ts";

/** Listens on a unix socket and gives its connections to a gRPC server, which knows nothing of the socket. */
export class Listener {
	readonly #server: Server;
	readonly #connections = new Set<Socket>();

	constructor(server: GrpcServer) {
		const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
		this.#server = createServer((socket) => {
			this.#connections.add(socket);
			socket.once("close", () => this.#connections.delete(socket));
			injector.injectConnection(new WholeWrites(socket));
		});
	}

	/** @throws Error of the operating system */
	listen(path: string): Promise<string> {
		const { promise, resolve, reject } = Promise.withResolvers<string>();
		this.#server.once("error", reject);
		this.#server.listen(path, () => resolve(path));
		return promise;
	}

	/** Takes no new connection; resolves when the last one has ended. */
	close(): Promise<void> {
		return new Promise((resolve) => this.#server.close(() => resolve()));
	}

	/** Ends the connections that are left, whatever becomes of their calls. */
	cut(): void {
		for (const socket of this.#connections) socket.destroy();
	}
}
