import type { HostAlias, StorePlace } from "./store-case.ts";

/**
 * Makes servers on this machine's loopback reachable from the node at the names and the port of those that they stand for.
 *
 * @param servers addresses of servers by the names of hosts
 */
export async function nameHosts(
	{ node, newAddress }: StorePlace,
	servers: Readonly<Record<string, string>>,
): Promise<readonly HostAlias[]> {
	const named = Object.entries(servers).map(([host, address]) => ({ host, ip: newAddress(), server: Number(new URL(address).port) }));
	await node.connect(named.map(({ ip, server }) => ({ address: ip, port: 443, server })));
	return named.map(({ host, ip }) => ({ ip, hostnames: [host] }));
}
