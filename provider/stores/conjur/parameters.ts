import type { Faults } from "../../plan/faults.ts";
import { quote } from "../../plan/fields.ts";
import { goQuote } from "../../shared/go-text.ts";
import { readCertificates } from "./certificates.ts";
import type { ConjurOptions } from "./instance.ts";
import { configurationPrefix } from "./legacy-texts.ts";

/** The administrator's side of the dialect. */
export interface Defaults {
	readonly options: ConjurOptions;
	/** Who pods log in as where the class does not say; empty: what their token says. */
	readonly identity: string;
	readonly audience: string;
}

/** What a class says of its store, with the administrator's defaults for what it leaves out. */
export interface ConjurParameters {
	readonly options: ConjurOptions;
	readonly identity: string;
	/** Whether the certificates are the class's own choice. */
	readonly bringsOwnTrust: boolean;
}

/** The parameter behind each option that must be said, in the order in which today's provider asks for them. */
const required = {
	account: "account",
	address: "applianceUrl",
	service: "authnId",
	caCertificate: "sslCertificate",
} as const satisfies Partial<Record<keyof ConjurOptions, string>>;

type RequiredOption = keyof typeof required;

const remedies: Readonly<Record<RequiredOption, string>> = {
	account: "Write the Conjur account.",
	address: "Write it as https://conjur.example.",
	service: "Write authn-jwt/ and the authenticator's service id.",
	caCertificate: "Write the PEM text of the server's certificate authority.",
};

/** The parameter that says an option. */
export function parameterOf(option: keyof ConjurOptions): string {
	return option === "caFile" ? required.caCertificate : required[option];
}

export const versionParameter = "conjur.org/configurationVersion";

/** Which of the two forms of configuration a class is in; undefined for one that does not exist. */
export function configurationVersion(parameters: ReadonlyMap<string, string>): "0.1.0" | "0.2.0" | undefined {
	const text = parameters.get(versionParameter) ?? "";
	if (text === "") return "0.2.0";
	return text === "0.1.0" || text === "0.2.0" ? text : undefined;
}

export function checkVersion(parameters: ReadonlyMap<string, string>, faults: Faults): void {
	if (configurationVersion(parameters) !== undefined) return;
	const text = parameters.get(versionParameter) ?? "";
	const legacyText = `${configurationPrefix}CKCP006 Unsupported configuration version: ${goQuote(text)}`;
	faults.addLegacy(legacyText, versionParameter, `is ${quote(text)}`, "Write 0.1.0 or 0.2.0, or remove it.");
}

/** Reads what the class says, and faults what nobody says. */
export function readParameters(
	parameters: ReadonlyMap<string, string>,
	{ options: defaults, identity }: Defaults,
	faults: Faults,
): ConjurParameters {
	const own = (option: RequiredOption) => parameters.get(required[option]) || defaults[option];
	const options = {
		address: own("address"),
		account: own("account"),
		service: own("service"),
		...readTrust(parameters.get(required.caCertificate) ?? "", defaults),
	};
	const missing = requiredOptions().filter((option) => !parameters.has(required[option]) && !isKnown(option, defaults));
	const legacyText = `${configurationPrefix}CKCP009 Missing required Conjur config attributes: [${missing.map((option) => goQuote(required[option])).join(" ")}]`;
	for (const option of missing) faults.addLegacy(legacyText, required[option], "is missing", remedies[option]);
	return { options, identity: parameters.get("identity") || identity, bringsOwnTrust: bringsOwnTrust(parameters, defaults) };
}

/** Options that are there and empty are for the one who makes the instance to find. */
export function isMissing(option: keyof ConjurOptions, parameters: ReadonlyMap<string, string>): boolean {
	return !parameters.has(parameterOf(option));
}

function requiredOptions(): readonly RequiredOption[] {
	return ["account", "address", "service", "caCertificate"];
}

function isKnown(option: RequiredOption, defaults: ConjurOptions): boolean {
	return defaults[option] !== "" || (option === "caCertificate" && defaults.caFile !== "");
}

/** The class's certificates win over the administrator's, as the only ones to trust. */
function readTrust(certificate: string, { caCertificate, caFile }: ConjurOptions): Pick<ConjurOptions, "caCertificate" | "caFile"> {
	return certificate === "" ? { caCertificate, caFile } : { caCertificate: certificate, caFile: "" };
}

function bringsOwnTrust(parameters: ReadonlyMap<string, string>, { caCertificate }: ConjurOptions): boolean {
	const certificate = parameters.get(required.caCertificate) ?? "";
	return certificate !== "" && (caCertificate === "" || readCertificates(certificate) !== readCertificates(caCertificate));
}
