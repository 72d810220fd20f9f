/** The APIs that are asked, as their hosts call them. */
export const services = ["secretmanager", "parametermanager", "cloudkms", "iamcredentials", "sts", "securetoken", "oauth2"] as const;

export type GcpService = (typeof services)[number];

/** Those that have an endpoint in each region. */
const regionalServices: readonly GcpService[] = ["secretmanager", "parametermanager", "cloudkms"];

/** What may stand at an address of its own. */
export type GcpServer = GcpService | "metadata";

/** Addresses by server; that of a service in one region stands under `<service>.<region>`, and wins there. */
export type ServiceEndpoints = Readonly<Partial<Record<GcpServer, string>>> & Readonly<Record<`${GcpService}.${string}`, string>>;

/** The metadata server of the node, by its address: its name could be made to lead elsewhere. Source: Compute Engine, "About VM metadata". */
export const metadataAddress = "169.254.169.254";
export const metadataUrl = `http://${metadataAddress}`;

/**
 * Where a service is asked.
 *
 * @param location `global` or a region, checked; `*` stands for all regions
 */
export function serviceUrl(service: GcpService, location: string): string {
	return location === "global" ? `https://${service}.googleapis.com` : `https://${service}.${location}.rep.googleapis.com`;
}

/** Every host that a service may be asked at: objects name their regions themselves. */
export function serviceUrls(service: GcpService): readonly string[] {
	const everywhere = serviceUrl(service, "global");
	return regionalServices.includes(service) ? [everywhere, serviceUrl(service, "*")] : [everywhere];
}

/** Reads `<service>.<region>`; undefined for what is none. */
export function isRegionalName(name: string, isLocation: (text: string) => boolean): boolean {
	return regionalServices.some((service) => name.startsWith(`${service}.`) && isLocation(name.slice(service.length + 1)));
}
