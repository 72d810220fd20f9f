import type { AwsService, EndpointOptions } from "./endpoints.ts";

/** Domains of one partition. */
interface Suffixes {
	readonly plain: string;
	/** Of names that have addresses of both IP versions. */
	readonly dualStack: string;
}

/**
 * How the names of a partition's regions begin, and its domains; what matches none is of the first partition, `aws`.
 * Source: botocore `partitions.json`, which all AWS SDKs follow.
 */
const partitions: readonly (readonly [start: string, suffixes: Suffixes])[] = [
	["cn-", { plain: "amazonaws.com.cn", dualStack: "api.amazonwebservices.com.cn" }],
	["eusc-", { plain: "amazonaws.eu", dualStack: "api.amazonwebservices.eu" }],
	["us-iso-", { plain: "c2s.ic.gov", dualStack: "api.aws.ic.gov" }],
	["us-isob-", { plain: "sc2s.sgov.gov", dualStack: "api.aws.scloud" }],
	["eu-isoe-", { plain: "cloud.adc-e.uk", dualStack: "api.cloud-aws.adc-e.uk" }],
	["us-isof-", { plain: "csp.hci.ic.gov", dualStack: "api.aws.hci.ic.gov" }],
];
const firstPartition: Suffixes = { plain: "amazonaws.com", dualStack: "api.aws" };

/** Whether a text has the form of a region's name. Only such a text may become part of a host. */
export function isRegion(text: string): boolean {
	return text.length <= 32 && /^[a-z]{2,4}(?:-[a-z]{2,16}){1,3}-\d{1,2}$/.test(text);
}

/**
 * Where a service of a region is asked, as the SDK's own endpoint rules have it.
 *
 * @param region empty for the region that the node lies in; then the URL stands for all that it can be
 */
export function serviceUrl(service: AwsService, region: string, options: Pick<EndpointOptions, "useFips" | "useDualStack">): string {
	if (region === "") return `https://*.${firstPartition.plain}`;
	const { plain, dualStack } = partitions.find(([start]) => region.startsWith(start))?.[1] ?? firstPartition;
	const isFips = options.useFips && !isFipsAnyway(service, region, options.useDualStack);
	const isDualStack = options.useDualStack && !isDualStackAnyway(service, plain, options.useFips);
	return `https://${service}${isFips ? "-fips" : ""}.${region}.${isDualStack ? dualStack : plain}`;
}

/** In the oldest partitions the plain names of Secrets Manager have addresses of both IP versions. */
function isDualStackAnyway(service: AwsService, plain: string, fips: boolean): boolean {
	return service === "secretsmanager" && (plain === "amazonaws.com" || (plain === "amazonaws.com.cn" && !fips));
}

/** In GovCloud the plain names of these two services are the FIPS ones. */
function isFipsAnyway(service: AwsService, region: string, dualStack: boolean): boolean {
	return region.startsWith("us-gov-") && !dualStack && (service === "sts" || service === "ssm");
}
