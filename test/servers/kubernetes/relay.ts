// Makes servers on this machine's loopback reachable inside a network namespace, and there alone:
// `node relay.ts PID ADDRESS:PORT=SERVER-PORT…`, where PID is a process of that namespace. A socket belongs to the namespace in which it
// was made, whoever holds it. So a helper inside listens and hands its sockets over, and connections are accepted and carried on here.
import { fork } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, Server } from "node:net";

interface Route {
	readonly address: string;
	readonly port: number;
	readonly server: number;
}

function readRoute(text: string): Route {
	const [, address = "", port, server] = /^([\d.]+):(\d+)=(\d+)$/.exec(text) ?? [];
	if (address === "") throw new Error(`not a route: ${text}`);
	return { address, port: Number(port), server: Number(server) };
}

/** Listens as the helper, and ends when everything is handed over. */
async function listenInside(routes: readonly Route[]): Promise<void> {
	for (const { address, port } of routes) {
		const listener = createServer().listen(port, address);
		await once(listener, "listening");
		await new Promise<void>((resolve) => process.send?.("", listener, {}, () => resolve()));
		listener.close();
	}
	process.disconnect();
}

function carry(listener: Server, server: number): void {
	listener.on("connection", (incoming) => {
		const onward = connect(server, "127.0.0.1");
		// Either end may go at any time; then the other goes too.
		for (const [one, other] of [
			[incoming, onward],
			[onward, incoming],
		] as const) {
			one.on("error", () => other.destroy());
			one.pipe(other);
		}
	});
}

async function relay(pid: string, texts: readonly string[]): Promise<void> {
	const waiting = texts.map(readRoute);
	const helper = fork(import.meta.filename, ["inside", ...texts], {
		execPath: "nsenter",
		execArgv: [`--net=/proc/${pid}/ns/net`, process.execPath],
	});
	helper.on("message", (_message, listener) => {
		const route = waiting.shift();
		if (listener instanceof Server && route !== undefined) carry(listener, route.server);
	});
	// Unlike its end, this comes after everything that it has sent.
	await once(helper, "disconnect");
	if (waiting.length > 0) throw new Error("the helper ended before it had handed over every socket");
	console.log("ready");
}

const [first = "", ...rest] = process.argv.slice(2);
if (first === "inside") await listenInside(rest.map(readRoute));
else await relay(first, rest);
