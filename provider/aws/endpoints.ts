import { parseAddress } from "../net/address.ts";
import { readEndpoints } from "../plan/endpoints.ts";
import type { Fields } from "../plan/fields.ts";
import { isRegion, serviceUrl } from "./regions.ts";

/** The services that are asked, as the SDK calls them in endpoint settings. */
export type AwsService = "secretsmanager" | "ssm" | "sts" | "kms";

/** What may stand at an address of its own. */
export type AwsServer = AwsService | "agent";

/** Addresses by server; that of a service in one region stands under `<service>.<region>`, and wins there. */
export type ServiceEndpoints = Readonly<Partial<Record<AwsServer, string>>> & Readonly<Record<`${AwsService}.${string}`, string>>;

/** What decides where services are asked. */
export interface EndpointOptions {
	readonly useFips: boolean;
	readonly useDualStack: boolean;
	/** The administrator's addresses in the place of the services' own; a class cannot set them. */
	readonly serviceEndpoints: ServiceEndpoints;
}

/** Where services are asked, and which of two regions stands in for the first. */
export interface AwsPlaces extends EndpointOptions {
	readonly region: string;
	readonly failoverRegion?: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The addresses at which the EKS Pod Identity agent listens on every node. Source: Amazon EKS User Guide, "Pod Identity agent". */
export const agentUrls = { ipv4: "http://169.254.170.23", ipv6: "http://[fd00:ec2::23]" } as const;

/** The audiences of the two ways to log in. Source: Amazon EKS User Guide. */
export const audiences = { web: "sts.amazonaws.com", pod: "pods.eks.amazonaws.com" } as const;

/** What to write in the place of a text that is no region. */
export const regionRemedy = "Write a region as AWS names it, such as eu-west-1.";

/** The region of a process that names none itself; empty where its environment has none either. */
export function regionOfEnvironment(environment: Environment): string {
	return environment["AWS_REGION"] || environment["AWS_DEFAULT_REGION"] || "";
}

/**
 * Reads what decides where services are asked: `useFips`, `useDualStack`, and `endpoints` with an address for each of
 * the servers given, or for a service in one region.
 */
export function readEndpointOptions(fields: Fields, servers: readonly AwsServer[], environment: Environment): EndpointOptions {
	return {
		useFips: fields.boolean("useFips", isOn(environment["AWS_USE_FIPS_ENDPOINT"])),
		useDualStack: fields.boolean("useDualStack", isOn(environment["AWS_USE_DUALSTACK_ENDPOINT"])),
		serviceEndpoints: readServiceEndpoints(fields, servers),
	};
}

/** Where a service of a region is asked. */
export function endpointOf(options: EndpointOptions, service: AwsService, region: string): string {
	return writtenEndpoint(options.serviceEndpoints, service, region) ?? serviceUrl(service, region, options);
}

/** The administrator's address of a service of a region; undefined where AWS's own is asked. */
export function writtenEndpoint(written: ServiceEndpoints, service: AwsService, region: string): string | undefined {
	const own: string | undefined = written[`${service}.${region}`];
	return own ?? written[service];
}

function isOn(text: string | undefined): boolean {
	return text?.toLowerCase() === "true";
}

function readServiceEndpoints(fields: Fields, servers: readonly AwsServer[]): ServiceEndpoints {
	const services = servers.filter((server) => server !== "agent");
	const isRegional = (name: string) =>
		services.some((service) => name.startsWith(`${service}.`) && isRegion(name.slice(service.length + 1)));
	return readEndpoints(fields, { servers, isRegional, parse: parseAddress });
}
