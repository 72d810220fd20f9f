import type { Faults } from "../../plan/faults.ts";
import { quote } from "../../plan/fields.ts";
import { goQuote, parseGoBoolean } from "../../shared/go-text.ts";
import { type AwsInstance, type AwsOptions, makeAwsInstance } from "./instance.ts";
import type { PathTranslation } from "./names.ts";

/** The parameters behind the options that a class of today's provider may set. */
const parameterNames: Readonly<Partial<Record<keyof AwsOptions, string>>> = {
	identity: "usePodIdentity",
	agentAddressType: "preferredAddressType",
};

/** What today's provider puts in the place of `/` in file names. */
const usualTranslation: PathTranslation = "_";

/** What a class says beside its objects. */
export interface AwsParameters {
	readonly instance: AwsInstance;
	readonly translation: PathTranslation;
}

/**
 * Reads all parameters but `objects`, and notes faults in the order in which today's provider finds them. Empty texts
 * count as not written.
 *
 * @param defaults the administrator's, for what the class leaves open
 */
export function readParameters(parameters: ReadonlyMap<string, string>, defaults: AwsOptions, faults: Faults): AwsParameters {
	const text = (name: string) => parameters.get(name) ?? "";
	const identity = identityOf(text("usePodIdentity")) ?? defaults.identity;
	const addressType = identity === "pod" ? addressTypeOf(text("preferredAddressType")) : undefined;
	const options: AwsOptions = {
		...defaults,
		region: text("region") || defaults.region,
		failoverRegion: text("failoverRegion") || defaults.failoverRegion,
		identity,
		// Without an agent it makes no difference, and must not keep two classes from sharing a login.
		agentAddressType: addressType ?? defaults.agentAddressType,
	};
	const instance = planInstance(options, faults);
	checkIdentity(text("usePodIdentity"), faults);
	return { instance, translation: readTranslation(text("pathTranslation"), faults) };
}

function planInstance(options: AwsOptions, faults: Faults): AwsInstance {
	const reports: (readonly [option: keyof AwsOptions, message: string, remedy: string])[] = [];
	const instance = makeAwsInstance({ name: "aws", ...options }, (...report) => reports.push(report));
	const { region, failoverRegion } = instance;
	for (const [option, message, remedy] of reports) {
		const path = parameterNames[option] ?? option;
		const isSame = option === "failoverRegion" && failoverRegion !== undefined && failoverRegion === region;
		if (!isSame) faults.add(path, message, remedy);
		else faults.addLegacy(`${region}: failover region cannot be the same as the primary region`, path, message, remedy);
	}
	return instance;
}

function identityOf(text: string): AwsOptions["identity"] | undefined {
	const usesPodIdentity = parseGoBoolean(text);
	if (usesPodIdentity === undefined) return undefined;
	return usesPodIdentity ? "pod" : "web";
}

function checkIdentity(text: string, faults: Faults): void {
	if (text === "" || parseGoBoolean(text) !== undefined) return;
	const legacyText = `failed to parse usePodIdentity value, error: strconv.ParseBool: parsing ${goQuote(text)}: invalid syntax`;
	faults.addLegacy(legacyText, "usePodIdentity", `is ${quote(text)}, which is not a boolean`, "Write true or false.");
}

/** What is neither IPv4 nor IPv6 is `auto`, as it is in today's provider. */
function addressTypeOf(text: string): AwsOptions["agentAddressType"] | undefined {
	const type = text.toLowerCase();
	if (type === "") return undefined;
	return type === "ipv4" || type === "ipv6" ? type : "auto";
}

function readTranslation(text: string, faults: Faults): PathTranslation {
	if (text === "") return usualTranslation;
	if (text.toLowerCase() === "false") return "";
	// One byte, as Go counts.
	if (Buffer.byteLength(text) === 1) return text;
	const legacyText = "pathTranslation must be either 'False' or a single character string";
	faults.addLegacy(
		legacyText,
		"pathTranslation",
		`is ${quote(text)}`,
		"Write False, or one ASCII character that stands for / in file names.",
	);
	return usualTranslation;
}
