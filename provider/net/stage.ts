import type { ClientRequest } from "node:http";
import type { Stage } from "./failure.ts";

/** Tells how far a request gets, for messages: it begins with `connect`. */
export function followStage(outgoing: ClientRequest, note: (stage: Stage) => void): void {
	outgoing.on("socket", (socket) => {
		if (!socket.connecting) {
			note("response");
			return;
		}
		socket.once("connect", () => note("encrypted" in socket ? "tls" : "response"));
		socket.once("secureConnect", () => note("response"));
	});
}
