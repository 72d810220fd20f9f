import { parseAddress } from "../../net/address.ts";
import { type Fields, quote } from "../../plan/fields.ts";
import type { RoleAnnotation, StoreInstance } from "../store.ts";
import { isRegion, serviceUrl } from "./regions.ts";
import { roleAnnotation } from "./role.ts";

/** The services that are asked, as the SDK calls them in endpoint settings. */
export type AwsService = "secretsmanager" | "ssm" | "sts" | "kms";

const services = ["secretsmanager", "ssm", "kms", "sts"] as const satisfies readonly AwsService[];

/** What may stand at an address of its own. */
export type AwsServer = AwsService | "agent";

/** Addresses by server; that of a service in one region stands under `<service>.<region>`, and wins there. */
export type ServiceEndpoints = Readonly<Partial<Record<AwsServer, string>>> & Readonly<Record<`${AwsService}.${string}`, string>>;

/** The options of an instance as written. Empty texts count as not written. */
export interface AwsOptions {
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
	readonly useFips: boolean;
	readonly useDualStack: boolean;
	/** The administrator's addresses in the place of the services' own; a class cannot set them. */
	readonly serviceEndpoints: ServiceEndpoints;
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

/** The addresses at which the EKS Pod Identity agent listens on every node. Source: Amazon EKS User Guide, "Pod Identity agent". */
export const agentUrls = { ipv4: "http://169.254.170.23", ipv6: "http://[fd00:ec2::23]" } as const;

/** The audiences of the two ways to log in. Source: Amazon EKS User Guide. */
export const audiences = { web: "sts.amazonaws.com", pod: "pods.eks.amazonaws.com" } as const;

const regionRemedy = "Write a region as AWS names it, such as eu-west-1.";

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
		useFips: fields.boolean("useFips", isOn(environment["AWS_USE_FIPS_ENDPOINT"])),
		useDualStack: fields.boolean("useDualStack", isOn(environment["AWS_USE_DUALSTACK_ENDPOINT"])),
		serviceEndpoints: readEndpoints(fields),
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
	const region = checkRegion("region", parts.region || environment["AWS_REGION"] || environment["AWS_DEFAULT_REGION"] || "", report);
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

function isOn(text: string | undefined): boolean {
	return text?.toLowerCase() === "true";
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

/** Where a service of a region is asked. */
export function endpointOf(options: Omit<AwsOptions, "failoverRegion">, service: AwsService, region: string): string {
	return writtenEndpoint(options.serviceEndpoints, service, region) ?? serviceUrl(service, region, options);
}

function writtenEndpoint(written: ServiceEndpoints, service: AwsService, region: string): string | undefined {
	const own: string | undefined = written[`${service}.${region}`];
	return own ?? written[service];
}

/** The addresses of the agent in the order in which they are asked; none where it is not asked. */
export function agentEndpoints({ identity, agentAddressType, serviceEndpoints }: Omit<AwsOptions, "failoverRegion">): readonly string[] {
	if (identity !== "pod" || serviceEndpoints.agent !== undefined) return [];
	return agentAddressType === "auto" ? [agentUrls.ipv4, agentUrls.ipv6] : [agentUrls[agentAddressType]];
}

function readEndpoints(fields: Fields): ServiceEndpoints {
	const mapping = fields.mapping("endpoints");
	if (mapping === undefined) return {};
	const regional = mapping
		.keys()
		.filter((key) => services.some((service) => key.startsWith(`${service}.`) && isRegion(key.slice(service.length + 1))));
	const entries = [...services, "agent", ...regional].flatMap((server) => {
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
