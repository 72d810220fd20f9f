import { BlockList, isIP } from "node:net";

/** Addresses that hand out a node's or cloud account's own identity. No policy opens them. */
const metadata = new BlockList();
metadata.addSubnet("169.254.0.0", 16, "ipv4");
metadata.addAddress("100.100.100.200", "ipv4");
metadata.addAddress("192.0.0.192", "ipv4");
metadata.addSubnet("fe80::", 10, "ipv6");
metadata.addSubnet("fd00:ec2::", 32, "ipv6");

/** This machine itself. Open only to an endpoint entry that names the exact origin. */
const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addSubnet("0.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");
loopback.addAddress("::", "ipv6");

/**
 * Link-local services that give out rights, by the type of store that may ask them: the EKS Pod Identity agent, for a
 * pod's own token (Amazon EKS User Guide); the metadata servers of Azure and Google, for pods of namespaces that the
 * administrator has named. For everybody else they are metadata addresses like the others.
 */
const tokenAgents: ReadonlyMap<string, readonly string[]> = new Map([
	["aws", ["169.254.170.23", "fd00:ec2::23"]],
	["azure", ["169.254.169.254"]],
	["gcp", ["169.254.169.254"]],
]);

/** The agent's address, if a URL's host is that of an agent which stores of this type may ask. */
export function tokenAgentOf(type: string, host: string): string | undefined {
	const bare = host.replace(/^\[|\]$/g, "");
	return tokenAgents.get(type)?.find((agent) => agent === bare);
}

export type AddressKind = "metadata" | "local" | "ordinary";

/** @param clusterAddresses addresses of the Kubernetes API server, which count as local */
export function classifyAddress(address: string, clusterAddresses: readonly string[]): AddressKind {
	const plain = unmap(address);
	const family = isIP(plain) === 6 ? "ipv6" : "ipv4";
	if (metadata.check(plain, family)) return "metadata";
	if (loopback.check(plain, family) || clusterAddresses.includes(plain)) return "local";
	return "ordinary";
}

/** Names that mean a special address wherever they are asked. */
export function classifyHost(host: string, clusterAddresses: readonly string[]): AddressKind {
	const bare = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
	if (isIP(bare) !== 0) return classifyAddress(bare, clusterAddresses);
	const name = bare.endsWith(".") ? bare.slice(0, -1) : bare;
	if (name === "metadata.google.internal" || name === "metadata" || name === "instance-data") return "metadata";
	if (name === "localhost" || name.endsWith(".localhost")) return "local";
	if (/^kubernetes(\.default(\.svc(\..+)?)?)?$/.test(name)) return "local";
	return "ordinary";
}

/** An IPv4 address that came in the clothes of IPv6 (`::ffff:a.b.c.d`, also in hexadecimal) is judged as what it is. */
function unmap(address: string): string {
	const dotted = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
	if (dotted?.[1] !== undefined) return dotted[1];
	const hexadecimal = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(address);
	if (hexadecimal?.[1] === undefined || hexadecimal[2] === undefined) return address;
	const [high, low] = [Number.parseInt(hexadecimal[1], 16), Number.parseInt(hexadecimal[2], 16)];
	return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}
