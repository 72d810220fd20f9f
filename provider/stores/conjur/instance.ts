import { type Address, faultyAddress, parseAddress } from "../../net/address.ts";
import type { TlsOptions } from "../../net/tls-trust.ts";
import { type Fields, quote } from "../../plan/fields.ts";
import type { StoreInstance } from "../store.ts";
import { readCertificates } from "./certificates.ts";

/** One account of one Conjur server, with the authenticator that pods log in by. */
export interface ConjurInstance extends StoreInstance {
	readonly address: Address;
	readonly account: string;
	/** The authenticator's service id, the `kube` of `authn-jwt/kube`. */
	readonly service: string;
	/** Conjur Cloud has a batch that says of each variable what became of it. */
	readonly isCloud: boolean;
	readonly tls: TlsOptions;
}

/** The options of an instance as written. Empty texts count as not written. */
export interface ConjurOptions {
	readonly address: string;
	readonly account: string;
	/** With or without `authn-jwt/` in front. */
	readonly service: string;
	/** PEM text. */
	readonly caCertificate: string;
	/** A PEM file of the provider's container. */
	readonly caFile: string;
}

/** Notes what is wrong with one option. */
export type ReportOption = (option: keyof ConjurOptions, message: string, remedy: string) => void;

export interface InstanceParts extends ConjurOptions {
	readonly name: string;
	/** Whether the author of a SecretProviderClass brought the certificates. */
	readonly bringsOwnTrust: boolean;
}

/** Source: CyberArk Conjur's Go client, which knows its Cloud by these. */
const cloudSuffixes = [".secretsmgr.cyberark.cloud", ".secretsmgr.integration-cyberark.cloud"];
const longestName = 200;

/** Reads the options of a mapping: an entry under `stores`, or an administrator's defaults of the dialect (`dialects.conjur`). */
export function readOptions(fields: Fields): ConjurOptions {
	const text = (key: string) => fields.text(key) ?? "";
	return {
		address: text("address"),
		account: text("account"),
		service: text("service"),
		caCertificate: text("caCertificate"),
		caFile: text("caFile"),
	};
}

/** The instance of an entry under `stores`. */
export function readInstance(name: string, fields: Fields): ConjurInstance {
	fields.required("address", "Write it as https://conjur.example.");
	fields.required("account", "Write the Conjur account.");
	fields.required("service", "Write the service id of the authenticator, the `kube` of authn-jwt/kube.");
	const options = readOptions(fields);
	const parts = { ...options, name, bringsOwnTrust: options.caCertificate !== "" };
	return makeInstance(parts, (option, message, remedy) => {
		if (options[option] !== "") fields.reject(option, message, remedy);
	});
}

/** Checks the options and makes the instance. Whatever is reported makes the result unusable. */
export function makeInstance(parts: InstanceParts, report: ReportOption): ConjurInstance {
	const address = checkAddress(parts.address, report);
	const service = serviceOf(parts.service);
	checkName("account", parts.account, report);
	checkName("service", service, report);
	const tls = readTls(parts, report);
	const { name, account, bringsOwnTrust } = parts;
	return {
		name,
		type: "conjur",
		key: JSON.stringify(["conjur", address.text, account, service, tls]),
		endpoints: [address.text],
		skipsTlsVerification: false,
		bringsOwnTrust: bringsOwnTrust && address.scheme === "https",
		address,
		account,
		service,
		isCloud: isCloud(address),
		tls,
	};
}

/** What stands behind `authn-jwt/`, wherever that is; else the whole text. */
export function serviceOf(authenticator: string): string {
	return authenticator.split("authn-jwt/")[1] ?? authenticator;
}

function checkAddress(text: string, report: ReportOption): Address {
	const found = parseAddress(text);
	const remedy = "Write it as https://conjur.example.";
	if ("problem" in found) report("address", text === "" ? "is empty" : found.problem, remedy);
	else if (found.socketPath !== undefined) report("address", "is a socket", remedy);
	const address = "problem" in found ? faultyAddress : found;
	if (!isCloud(address) || address.basePath.endsWith("/api")) return address;
	return { ...address, basePath: `${address.basePath}/api`, text: `${address.text}/api` };
}

function isCloud({ host }: Address): boolean {
	return cloudSuffixes.some((suffix) => host.endsWith(suffix));
}

/** Both become elements of a path, encoded: only what could change the path or an id is refused. */
function checkName(option: "account" | "service", text: string, report: ReportOption): void {
	const remedy = option === "account" ? "Write the Conjur account." : "Write authn-jwt/ and the service id, such as authn-jwt/kube.";
	if (text === "") report(option, "is empty", remedy);
	else if (text.length > longestName || !/^[^\p{Cc}\s/:?#%\\]+$/u.test(text) || !text.isWellFormed() || /^\.{1,2}$/.test(text))
		report(option, `is ${quote(text)}, which no ${option === "account" ? "account" : "service"} is called`, remedy);
}

function readTls({ caCertificate, caFile }: ConjurOptions, report: ReportOption): TlsOptions {
	if (caCertificate === "") return caFile === "" ? {} : { caFile };
	const ca = readCertificates(caCertificate);
	if (ca === undefined) report("caCertificate", "holds no certificate", "Write the PEM text of the certificate authority.");
	return ca === undefined ? {} : { ca };
}
