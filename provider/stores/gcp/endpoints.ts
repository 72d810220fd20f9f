import { parseAddress } from "../../net/address.ts";
import { readEndpoints } from "../../plan/endpoints.ts";
import type { Fields } from "../../plan/fields.ts";
import { type GcpService, isRegionalName, type ServiceEndpoints, services, serviceUrl } from "./hosts.ts";
import { isLocation } from "./resource.ts";

/** Reads the administrator's addresses, `endpoints: {secretmanager: https://…, secretmanager.europe-west3: https://…}`. */
export function readServiceEndpoints(fields: Fields): ServiceEndpoints {
	const isRegional = (name: string) => isRegionalName(name, isLocation);
	return readEndpoints(fields, { servers: [...services, "metadata"], isRegional, parse: parseAddress });
}

/** Where a service is asked for what lies in a location. */
export function endpointOf(written: ServiceEndpoints, service: GcpService, location: string): string {
	const own: string | undefined = location === "global" ? undefined : written[`${service}.${location}`];
	return own ?? written[service] ?? serviceUrl(service, location);
}
