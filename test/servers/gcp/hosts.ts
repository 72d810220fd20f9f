/** The APIs that the stand-ins serve, by the first label of their host. */
export const services = ["secretmanager", "parametermanager", "cloudkms", "iamcredentials", "sts", "securetoken", "oauth2"] as const;
/** The APIs that have regional endpoints. */
export const regionalServices: readonly string[] = ["secretmanager", "parametermanager", "cloudkms"];

export type Service = (typeof services)[number] | "metadata";

/** Regions of Google Cloud, each with endpoints of its own. Source: Google Cloud, "Regions and zones". */
export const regions: readonly string[] = [
	...["africa-south1", "asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2", "asia-northeast3", "asia-south1", "asia-south2"],
	...["asia-southeast1", "asia-southeast2", "australia-southeast1", "australia-southeast2", "europe-central2", "europe-north1"],
	...["europe-southwest1", "europe-west1", "europe-west2", "europe-west3", "europe-west4", "europe-west6", "europe-west8", "europe-west9"],
	...["europe-west10", "europe-west12", "me-central1", "me-central2", "me-west1", "northamerica-northeast1", "northamerica-northeast2"],
	...["southamerica-east1", "southamerica-west1", "us-central1", "us-east1", "us-east4", "us-east5", "us-south1", "us-west1", "us-west2"],
	...["us-west3", "us-west4"],
];

/** One host name of Google's. */
export interface GoogleHost {
	readonly name: string;
	readonly service: Service;
	/** `global`, or the region of a regional endpoint. */
	readonly location: string;
}

/** Reads `secretmanager.googleapis.com` or `secretmanager.us-central1.rep.googleapis.com`; undefined for a name that leads nowhere. */
export function readHost(name: string): GoogleHost | undefined {
	const [, first = "", location] = /^([a-z0-9]+)(?:\.([a-z0-9-]+)\.rep)?\.googleapis\.com$/.exec(name) ?? [];
	const service = services.find((candidate) => candidate === first);
	if (service === undefined) return undefined;
	if (location === undefined) return { name, service, location: "global" };
	return regionalServices.includes(service) && regions.includes(location) ? { name, service, location } : undefined;
}

/** What the certificate of the stand-ins is made for, as subject alternative names. */
export const certificateNames: string = [
	"IP:127.0.0.1",
	"DNS:*.googleapis.com",
	...regions.map((region) => `DNS:*.${region}.rep.googleapis.com`),
].join(",");
