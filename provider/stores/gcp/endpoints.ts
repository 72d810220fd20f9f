import { parseAddress } from "../../net/address.ts";
import type { Fields } from "../../plan/fields.ts";
import { type GcpService, isRegionalName, type ServiceEndpoints, services, serviceUrl } from "./hosts.ts";
import { isLocation } from "./resource.ts";

/** Reads the administrator's addresses, `endpoints: {secretmanager: https://…, secretmanager.europe-west3: https://…}`. */
export function readEndpoints(fields: Fields): ServiceEndpoints {
	const mapping = fields.mapping("endpoints");
	if (mapping === undefined) return {};
	const regional = mapping.keys().filter((key) => isRegionalName(key, isLocation));
	const entries = [...services, "metadata", ...regional].flatMap((server) => {
		const text = mapping.text(server);
		if (text === undefined) return [];
		const address = parseAddress(text);
		if (!("problem" in address) && address.scheme !== "unix") return [[server, address.text] as const];
		const problem = "problem" in address ? address.problem : "is a socket";
		mapping.reject(server, problem, `Write it as https://${server}.example.`);
		return [];
	});
	mapping.done();
	return Object.fromEntries(entries);
}

/** Where a service is asked for what lies in a location. */
export function endpointOf(written: ServiceEndpoints, service: GcpService, location: string): string {
	const own: string | undefined = location === "global" ? undefined : written[`${service}.${location}`];
	return own ?? written[service] ?? serviceUrl(service, location);
}
