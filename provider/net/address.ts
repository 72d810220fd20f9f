/** Where a store listens, taken apart once. */
export interface Address {
	readonly scheme: "http" | "https" | "unix";
	/** Host as in a URL, IPv6 in brackets; `localhost` for a socket. */
	readonly host: string;
	/** 0 for a socket. */
	readonly port: number;
	/** The socket's path, for `unix` only. */
	readonly socketPath: string | undefined;
	/** The path below which the API lies, without a slash at its end; mostly empty. */
	readonly basePath: string;
	/** Canonical text: equal texts are the same address. */
	readonly text: string;
}

export interface AddressProblem {
	/** A clause, such as `has the scheme ftp`. */
	readonly problem: string;
	readonly remedy: string;
}

const example = "Write it as https://vault.example:8200.";
const longestSocketPath = 107;

/** Stands in for an address that is at fault, so that what is written beside it is read too. Nothing is ever sent to it: the fault is told. */
export const faultyAddress: Address = { scheme: "https", host: "localhost", port: 443, socketPath: undefined, basePath: "", text: "" };

/** Reads `https://host[:port][/path]`, `http://…` or `unix:///path`. Nothing but these is an address of a store. */
export function parseAddress(text: string): Address | AddressProblem {
	if (text.length > 2048) return { problem: "is longer than 2048 characters", remedy: example };
	if (/[\p{Cc}\s\\]/u.test(text)) return { problem: "holds a space, a backslash or a control character", remedy: example };
	if (text.toLowerCase().startsWith("unix:")) return parseSocket(text);
	const url = URL.parse(text);
	if (url === null) return { problem: "is not a URL", remedy: example };
	if (url.protocol !== "https:" && url.protocol !== "http:")
		return { problem: `has the scheme ${url.protocol.slice(0, -1)}`, remedy: "Write https://, http:// or unix:///." };
	if (url.username !== "" || url.password !== "")
		return { problem: "holds a user name or password", remedy: "Leave out everything up to the @." };
	if (url.search !== "" || url.hash !== "" || /[?#]/.test(text))
		return { problem: "holds a query or a fragment", remedy: "End it before the ? or #." };
	const scheme = url.protocol === "https:" ? "https" : "http";
	const basePath = url.pathname.replace(/\/+$/, "");
	const port = url.port === "" ? (scheme === "https" ? 443 : 80) : Number(url.port);
	return { scheme, host: url.hostname, port, socketPath: undefined, basePath, text: `${url.origin}${basePath}` };
}

function parseSocket(text: string): Address | AddressProblem {
	const match = /^unix:\/\/(\/[^?#]+)$/i.exec(text);
	const socketPath = match?.[1];
	if (socketPath === undefined) return { problem: "is not a socket address", remedy: "Write it as unix:///run/vault/agent.sock." };
	if (Buffer.byteLength(socketPath) > longestSocketPath)
		return { problem: `names a socket path longer than ${longestSocketPath} bytes`, remedy: "Use a shorter path." };
	return { scheme: "unix", host: "localhost", port: 0, socketPath, basePath: "", text: `unix://${socketPath}` };
}

/** What error messages call the server: host and port, or the socket. */
export function serverName(address: Address): string {
	return address.socketPath ?? `${address.host}:${address.port}`;
}

/** The host without the brackets of an IPv6 address, as sockets want it. */
export function bareHost(address: Address): string {
	return address.host.replace(/^\[|\]$/g, "");
}
