import { BlockList, isIP } from "node:net";
import { type Address, bareHost } from "./address.ts";

/** The variables that name proxies, as in `process.env`. */
export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy's URL for an address, or undefined for a direct connection. HTTPS_PROXY, HTTP_PROXY and
 * NO_PROXY in either case, read as Go's httpproxy reads them, because that is what the same variables
 * meant to the providers this one replaces: loopback is never sent to a proxy; NO_PROXY knows `*`,
 * names with their subdomains, `.suffix`, IP addresses, CIDR blocks, and a port after each.
 */
export function proxyFor(address: Address, environment: ProxyEnvironment): string | undefined {
	if (address.scheme === "unix") return undefined;
	const proxy = variable(environment, address.scheme === "https" ? "HTTPS_PROXY" : "HTTP_PROXY");
	if (proxy === undefined || isLoopback(bareHost(address))) return undefined;
	const exceptions = (variable(environment, "NO_PROXY") ?? "").split(",").map((entry) => entry.trim().toLowerCase());
	if (exceptions.some((entry) => entry !== "" && matches(entry, address))) return undefined;
	return proxy.includes("://") ? proxy : `http://${proxy}`;
}

function variable(environment: ProxyEnvironment, name: string): string | undefined {
	return environment[name] || environment[name.toLowerCase()] || undefined;
}

function isLoopback(host: string): boolean {
	return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

function matches(entry: string, address: Address): boolean {
	if (entry === "*") return true;
	const host = bareHost(address).replace(/\.$/, "");
	if (entry.includes("/")) return matchesBlock(entry, host);
	const { name, port } = splitPort(entry);
	if (port !== undefined && port !== String(address.port)) return false;
	if (isIP(name) !== 0) return isIP(host) !== 0 && matchesBlock(`${name}/${isIP(name) === 4 ? 32 : 128}`, host);
	if (name.startsWith("*.")) return host.endsWith(name.slice(1));
	if (name.startsWith(".")) return host.endsWith(name);
	return host === name || host.endsWith(`.${name}`);
}

function splitPort(entry: string): { readonly name: string; readonly port: string | undefined } {
	const match = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry);
	return { name: (match?.[1] ?? entry).replace(/^\[|\]$/g, ""), port: match?.[2] };
}

function matchesBlock(entry: string, host: string): boolean {
	const [network = "", prefix = ""] = entry.split("/");
	const family = isIP(network);
	const bits = Number(prefix);
	if (family === 0 || isIP(host) === 0 || !/^\d{1,3}$/.test(prefix) || bits > (family === 4 ? 32 : 128)) return false;
	const block = new BlockList();
	block.addSubnet(network, bits, family === 4 ? "ipv4" : "ipv6");
	return block.check(host, isIP(host) === 4 ? "ipv4" : "ipv6");
}
