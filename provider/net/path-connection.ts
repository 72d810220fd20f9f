import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { ProviderError } from "../errors.ts";
import { type Finding, failure, ok, unchecked } from "../shared/finding.ts";
import { type Address, bareHost, serverName } from "./address.ts";
import { type AllowsAddress, guardedLookup } from "./address-guard.ts";
import { toFailure } from "./failure.ts";

export interface Way {
	readonly address: Address;
	/** The proxy between, if there is one. */
	readonly proxy: URL | undefined;
	readonly allowsAddress: AllowsAddress;
}

export interface Connection {
	readonly finding: Finding;
	/** Leads to the server itself; undefined when it failed, or only the request can go through this proxy. */
	readonly socket: Socket | undefined;
}

/** Opens a connection to the server: direct, by a socket of the node, or by a tunnel through the proxy. */
export async function openConnection(way: Way, signal: AbortSignal): Promise<Connection> {
	const { address, proxy } = way;
	const server = serverName(address);
	const startedAt = performance.now();
	try {
		const socket = proxy === undefined ? await openDirect(way, signal) : await openTunnel(address, proxy, signal);
		const taken = `in ${Math.round(performance.now() - startedAt)} ms`;
		if (proxy === undefined) return { finding: ok("TCP", `A connection to ${server} opens ${taken}.`), socket };
		if (socket === undefined) return { finding: unchecked("TCP", `Requests to ${server} are handed to the proxy ${proxy.host}.`), socket };
		return { finding: ok("TCP", `The proxy ${proxy.host} opens the way to ${server} ${taken}.`), socket };
	} catch (reason) {
		const error = toFailure(causeOf(reason, signal), "connect", proxy === undefined ? server : `${server} through the proxy ${proxy.host}`);
		return { finding: failure("TCP", error, remedyFor(way)), socket: undefined };
	}
}

/** What an aborted stage failed of: the caller's own reason, or, where the stage's time was up, silence. */
export function causeOf(reason: unknown, signal: AbortSignal): unknown {
	if (!signal.aborted) return reason;
	return signal.reason instanceof ProviderError ? signal.reason : Object.assign(new Error("no answer"), { code: "ETIMEDOUT" });
}

function remedyFor({ address, proxy }: Way): string {
	if (address.socketPath !== undefined) return `Start the program that listens there, and mount its directory: ls -l ${address.socketPath}`;
	if (proxy !== undefined) return "Check HTTPS_PROXY and HTTP_PROXY, or add the host to NO_PROXY.";
	return `See that the server listens on port ${address.port}, and that no NetworkPolicy or firewall is between: kubectl get networkpolicies --all-namespaces`;
}

function openDirect({ address, allowsAddress }: Way, signal: AbortSignal): Promise<Socket> {
	const { socketPath, port } = address;
	signal.throwIfAborted();
	const socket =
		socketPath === undefined
			? connect({ host: bareHost(address), port, lookup: guardedLookup(allowsAddress) })
			: connect({ path: socketPath });
	const { promise, resolve, reject } = Promise.withResolvers<Socket>();
	socket.once("connect", () => resolve(socket));
	// Also for later: a server that hangs up between two stages must not end this process.
	socket.on("error", reject);
	return untilAborted(promise, signal, () => socket.destroy(new Error("no answer")));
}

/** A tunnel by CONNECT (RFC 9110 §9.3.6). Plain HTTP has none: the proxy takes the request itself. */
async function openTunnel(address: Address, proxy: URL, signal: AbortSignal): Promise<Socket | undefined> {
	const port = proxy.port === "" ? 80 : Number(proxy.port);
	// Without a tunnel there is nothing to open: whether the proxy is there, the request itself shows.
	if (address.scheme !== "https" || proxy.protocol !== "http:") return undefined;
	signal.throwIfAborted();
	const target = `${address.host}:${address.port}`;
	const { promise, resolve, reject } = Promise.withResolvers<Socket>();
	const refuse = () => reject(Object.assign(new Error("refused"), { code: "ERR_PROXY_TUNNEL" }));
	const asked = request({ method: "CONNECT", host: proxy.hostname, port, path: target, headers: proxyHeaders(proxy, target) });
	asked.once("connect", ({ statusCode }, socket: Socket) => {
		socket.on("error", reject);
		if (statusCode === 200) return resolve(socket);
		socket.destroy();
		refuse();
	});
	asked.once("response", refuse);
	asked.on("error", reject);
	asked.end();
	return untilAborted(promise, signal, () => asked.destroy(new Error("no answer")));
}

/** The signal is this stage's only: what it has opened must outlive it. */
function untilAborted(opening: Promise<Socket>, signal: AbortSignal, destroy: () => void): Promise<Socket> {
	signal.addEventListener("abort", destroy, { once: true });
	return opening.finally(() => signal.removeEventListener("abort", destroy));
}

function proxyHeaders(proxy: URL, host: string): Readonly<Record<string, string>> {
	if (proxy.username === "") return { host };
	const account = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
	return { host, "proxy-authorization": `Basic ${Buffer.from(account).toString("base64")}` };
}
