import {
	agentUrls,
	audiences,
	type EndpointOptions,
	readEndpointOptions,
	regionOfEnvironment,
	regionRemedy,
	writtenEndpoint,
} from "../../aws/endpoints.ts";
import { isRegion, serviceUrl } from "../../aws/regions.ts";
import { roleAnnotation } from "../../aws/role.ts";
import { type Fields, quote } from "../../plan/fields.ts";
import type { RoleAnnotation, StoreInstance } from "../store.ts";

const services = ["secretsmanager", "ssm", "kms", "sts"] as const;

/** The options of an instance as written. Empty texts count as not written. */
export interface AwsOptions extends EndpointOptions {
	/** Empty: AWS_REGION or AWS_DEFAULT_REGION of the process, and without them the region that the node lies in. */
	readonly region: string;
	/** The region that stands in for the first; empty for none. */
	readonly failoverRegion: string;
	/**
	 * `web`: STS AssumeRoleWithWebIdentity with the identity's role. `pod`: the EKS Pod Identity agent, which knows the
	 * role itself, so the identity's role is empty.
	 */
	readonly identity: "web" | "pod";
	/** Which address of the Pod Identity agent is asked; `auto`: IPv4, and IPv6 where nobody listens on that. */
	readonly agentAddressType: "ipv4" | "ipv6" | "auto";
	/** Whether values that KMS encrypted for no pod in particular are decrypted; the administrator's decision. */
	readonly allowUnboundKms: boolean;
}

/** Secrets Manager, Parameter Store and KMS of one region, or of two of which the second stands in for the first. */
export interface AwsInstance extends StoreInstance, Omit<AwsOptions, "failoverRegion"> {
	readonly failoverRegion: string | undefined;
}

/** What {@link makeAwsInstance} makes an instance of. */
export type AwsParts = AwsOptions & { readonly name: string };

/** Notes what is wrong with one option. */
export type ReportOption = (option: keyof AwsOptions, message: string, remedy: string) => void;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the options of a mapping: an entry under `stores`, or an administrator's defaults of the dialect
 * (`dialects.aws`).
 */
export function readOptions(fields: Fields, environment: Environment = process.env): AwsOptions {
	return {
		region: fields.text("region") ?? "",
		failoverRegion: fields.text("failoverRegion") ?? "",
		identity: fields.oneOf("identity", ["web", "pod"], "web"),
		agentAddressType: fields.oneOf("agentAddressType", ["auto", "ipv4", "ipv6"], "auto"),
		...readEndpointOptions(fields, [...services, "agent"], environment),
		allowUnboundKms: fields.boolean("allowUnboundKms"),
	};
}

/** The instance of an entry under `stores`. */
export function readInstance(name: string, fields: Fields): AwsInstance {
	return makeAwsInstance({ name, ...readOptions(fields) }, (option, message, remedy) => fields.reject(option, message, remedy));
}

/**
 * Checks the options and makes the instance. Whatever is reported makes the result unusable. An instance whose
 * `region` is empty is of the region that the node lies in, which is found out at the login.
 */
export function makeAwsInstance(parts: AwsParts, report: ReportOption, environment: Environment = process.env): AwsInstance {
	const { name, identity, agentAddressType, useFips, useDualStack, serviceEndpoints, allowUnboundKms } = parts;
	const region = checkRegion("region", parts.region || regionOfEnvironment(environment), report);
	const failoverRegion = checkRegion("failoverRegion", parts.failoverRegion, report) || undefined;
	if (failoverRegion !== undefined && failoverRegion === region)
		report("failoverRegion", "is the region itself", "Name another region, or leave it out.");
	const options = { region, identity, agentAddressType, useFips, useDualStack, serviceEndpoints, allowUnboundKms };
	const derived = derivedEndpoints(options, failoverRegion);
	return {
		...options,
		name,
		type: "aws",
		key: JSON.stringify([
			"aws",
			failoverRegion ?? "",
			...Object.values({ ...options, serviceEndpoints: Object.entries(serviceEndpoints) }),
		]),
		failoverRegion,
		endpoints: [...new Set([...derived, ...Object.values(serviceEndpoints)])],
		derivedEndpoints: derived,
		skipsTlsVerification: false,
		bringsOwnTrust: false,
		administratorsOnly: Object.keys(serviceEndpoints).length > 0 || allowUnboundKms,
		defaultAudience: audiences[identity],
		...annotationOf(identity),
	};
}

function annotationOf(identity: AwsOptions["identity"]): { readonly roleAnnotation?: RoleAnnotation } {
	return identity === "web" ? { roleAnnotation } : {};
}

function checkRegion(option: "region" | "failoverRegion", text: string, report: ReportOption): string {
	if (text === "" || isRegion(text)) return text;
	report(option, `is ${quote(text)}, which is no region`, regionRemedy);
	return "";
}

/** The servers that nobody wrote the address of: it follows from the region. */
function derivedEndpoints(options: Omit<AwsOptions, "failoverRegion">, failoverRegion: string | undefined): readonly string[] {
	const { identity, serviceEndpoints } = options;
	const regions = failoverRegion === undefined ? [options.region] : [options.region, failoverRegion];
	const asked = services.filter((service) => identity === "web" || service !== "sts");
	const urls = regions.flatMap((region) =>
		asked
			.filter((service) => writtenEndpoint(serviceEndpoints, service, region) === undefined)
			.map((service) => serviceUrl(service, region, options)),
	);
	return [...new Set([...urls, ...agentEndpoints(options)])];
}

/** The addresses of the agent in the order in which they are asked; none where it is not asked. */
export function agentEndpoints({ identity, agentAddressType, serviceEndpoints }: Omit<AwsOptions, "failoverRegion">): readonly string[] {
	if (identity !== "pod" || serviceEndpoints.agent !== undefined) return [];
	return agentAddressType === "auto" ? [agentUrls.ipv4, agentUrls.ipv6] : [agentUrls[agentAddressType]];
}
