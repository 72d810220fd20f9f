import { createHash } from "node:crypto";
import { type Address, faultyAddress, parseAddress } from "../../net/address.ts";
import type { TlsOptions } from "../../net/tls-trust.ts";
import { type Fields, quote } from "../../plan/fields.ts";
import type { StoreInstance } from "../store.ts";
import { type Applications, readApplications } from "./applications.ts";
import { readReason } from "./reason.ts";

/**
 * What is done while the vault changes a password. `wait`: ask again until it is done. `fail`: fail at once. `stale`: take
 * the old one.
 */
const changeHandling = ["wait", "fail", "stale"] as const;

/** One web service of a Central Credential Provider. */
export interface CyberArkInstance extends StoreInstance {
	readonly address: Address;
	/** The name of the application in IIS. */
	readonly webService: string;
	/** Without the certificates that namespaces bring. */
	readonly tls: TlsOptions;
	/** See {@link fillReason}; empty: none is sent. */
	readonly reason: string;
	/** How long the web service may wait for the vault. */
	readonly connectionTimeoutSeconds: number;
	readonly onPasswordChange: (typeof changeHandling)[number];
	/** Whose application stands for whom; undefined: application and certificate come from nodePublishSecretRef. */
	readonly applications: Applications | undefined;
}

const addressRemedy = "Write it as https://ccp.example.";
const credentialRemedy =
	"Put it into the Secret that nodePublishSecretRef names (appId, clientCertificate, clientKey), or ask the administrator for an entry of the store's applications.";
const longestConnectionTimeout = 40;

/** Reads an entry under `stores`, of a class or of the policy file. */
export function readInstance(name: string, fields: Fields): CyberArkInstance {
	rejectCredentials(fields);
	const address = readAddress(fields);
	const tls = readTls(fields);
	const applications = readApplications(fields);
	if (applications === undefined && tls.clientCertificateFile !== undefined)
		fields.reject("clientCertificateFile", "stands without applications", "List in `applications` which application stands for whom.");
	const options = {
		webService: readWebService(fields),
		reason: readReason(fields),
		connectionTimeoutSeconds: readConnectionTimeout(fields),
		onPasswordChange: fields.oneOf("onPasswordChange", changeHandling, "wait"),
	};
	return {
		name,
		type: "cyberark-epv",
		key: JSON.stringify([
			"cyberark-epv",
			address.text,
			keyOf(tls),
			...Object.values(options),
			applications === undefined ? null : [...applications],
		]),
		endpoints: [address.text],
		administratorsOnly: applications !== undefined || tls.clientCertificateFile !== undefined || tls.clientKeyFile !== undefined,
		loginBy: applications === undefined ? "credentials" : "node",
		skipsTlsVerification: false,
		bringsOwnTrust: tls.ca !== undefined,
		address,
		tls,
		...options,
		applications,
	};
}

/** A class that could choose its application could be any of those that the same certificate or node may be. */
function rejectCredentials(fields: Fields): void {
	for (const key of ["appId", "clientCertificate", "clientKey", "clientKeyPassphrase"]) {
		if (!fields.has(key)) continue;
		// Read, so that it is not reported as unknown too; where it is not written, it is not among the known names.
		fields.node(key);
		fields.reject(key, "is not written here", credentialRemedy);
	}
}

function readAddress(fields: Fields): Address {
	const text = fields.required("address", addressRemedy);
	const address = text === "" ? faultyAddress : parseAddress(text);
	if ("problem" in address) {
		fields.reject("address", address.problem, address.remedy.replace("https://vault.example:8200", "https://ccp.example"));
		return faultyAddress;
	}
	if (address.scheme === "https") return address;
	fields.reject("address", "is not https, and the answers are passwords", addressRemedy);
	return faultyAddress;
}

function readWebService(fields: Fields): string {
	const webService = fields.text("webService") ?? "AIMWebService";
	if (/^[\w.~-]{1,100}$/.test(webService) && !/^\.+$/.test(webService)) return webService;
	fields.reject(
		"webService",
		`is ${quote(webService)}, which is no name of a web service`,
		"Write the application's name in IIS, such as AIMWebService.",
	);
	return "";
}

function readConnectionTimeout(fields: Fields): number {
	const text = fields.text("connectionTimeout") ?? "10";
	const seconds = /^\d{1,2}$/.test(text) ? Number(text) : 0;
	if (seconds >= 1 && seconds <= longestConnectionTimeout) return seconds;
	fields.reject("connectionTimeout", `is ${quote(text)}`, `Write a number of seconds from 1 to ${longestConnectionTimeout}.`);
	return 1;
}

function readTls(fields: Fields): TlsOptions {
	const text = (key: string) => fields.text(key) || undefined;
	const [caFile, ca, serverName] = [text("caFile"), text("caCertificate"), text("tlsServerName")];
	const [clientCertificateFile, clientKeyFile] = [text("clientCertificateFile"), text("clientKeyFile")];
	const maximumVersion = fields.oneOf("tlsMaxVersion", ["1.2", "1.3"], "1.3");
	if (caFile !== undefined && ca !== undefined) fields.reject("caCertificate", "stands beside caFile", "Keep one of the two.");
	if (ca !== undefined && !ca.includes("-----BEGIN CERTIFICATE-----"))
		fields.reject("caCertificate", "holds no certificate", "Write it in PEM, from -----BEGIN CERTIFICATE----- on.");
	if (clientCertificateFile !== undefined && clientKeyFile === undefined)
		fields.reject("clientKeyFile", "is missing", "Name the certificate's key too.");
	if (clientKeyFile !== undefined && clientCertificateFile === undefined)
		fields.reject("clientCertificateFile", "is missing", "Name the key's certificate too.");
	return {
		...(caFile === undefined ? {} : { caFile }),
		...(ca === undefined ? {} : { ca }),
		...(serverName === undefined ? {} : { serverName }),
		...(clientCertificateFile === undefined ? {} : { clientCertificateFile }),
		...(clientKeyFile === undefined ? {} : { clientKeyFile }),
		...(maximumVersion === "1.2" ? { maximumVersion } : {}),
	};
}

/** The authorities' text may be long, and keys are kept with every value. */
function keyOf({ ca, ...tls }: TlsOptions): unknown {
	return ca === undefined ? tls : { ...tls, ca: createHash("sha256").update(ca).digest("base64url") };
}
