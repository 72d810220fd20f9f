import { type Address, type AddressProblem, faultyAddress, parseAddress } from "../../net/address.ts";
import type { TlsOptions } from "../../net/tls-trust.ts";
import type { Fields } from "../../plan/fields.ts";
import type { StoreInstance } from "../store.ts";

/** One Vault or OpenBao server, or a namespace of it, with one way to log in. */
export interface VaultInstance extends StoreInstance {
	readonly address: Address;
	/** Sent as `X-Vault-Namespace`; empty for the root namespace. */
	readonly namespace: string;
	/** Where the kubernetes or jwt auth method is mounted, without `auth/`. */
	readonly authMount: string;
	readonly tls: TlsOptions;
}

/** The options of an instance as written, under the names of the native dialect. Empty texts count as not written. */
export interface VaultOptions {
	readonly address: string;
	readonly namespace: string;
	readonly authMount: string;
	readonly caFile: string;
	readonly caDirectory: string;
	readonly tlsServerName: string;
	readonly tlsClientCertFile: string;
	readonly tlsClientKeyFile: string;
	readonly skipTlsVerify: boolean;
}

/** Notes what is wrong with one option. */
export type ReportOption = (option: keyof VaultOptions, message: string, remedy: string) => void;

const defaultAuthMount = "kubernetes";

/** Reads the options of a mapping: an entry under `stores`, or an administrator's defaults of a dialect. */
export function readOptions(fields: Fields): VaultOptions {
	const text = (key: string) => fields.text(key) ?? "";
	return {
		address: text("address"),
		namespace: text("namespace"),
		authMount: text("authMount"),
		caFile: text("caFile"),
		caDirectory: text("caDirectory"),
		tlsServerName: text("tlsServerName"),
		tlsClientCertFile: text("tlsClientCertFile"),
		tlsClientKeyFile: text("tlsClientKeyFile"),
		skipTlsVerify: fields.boolean("skipTlsVerify"),
	};
}

/** Checks the options and makes the instance. Whatever is reported makes the result unusable. */
export function makeInstance(name: string, options: VaultOptions, report: ReportOption): VaultInstance {
	const address = parseAddress(options.address);
	if ("problem" in address) reportAddress(options.address, address, report);
	const valid = "problem" in address ? faultyAddress : address;
	const namespace = trimSlashes(options.namespace);
	const authMount = trimSlashes(options.authMount) || defaultAuthMount;
	if (!isPlainPath(namespace, /^[\w.@:-][\w.@: -]*$/)) report("namespace", "is no namespace path", "Write it as team/app.");
	if (!isPlainPath(authMount, /^[\w.-]+$/))
		report("authMount", "is no mount path", "Write where the auth method is mounted, such as kubernetes.");
	checkClientCertificate(options, report);
	const tls = tlsOptions(options);
	return {
		name,
		type: "vault",
		key: JSON.stringify(["vault", valid.text, namespace, authMount, tls]),
		endpoints: [valid.text],
		skipsTlsVerification: valid.scheme === "https" && options.skipTlsVerify,
		// The CA is named by its path in the provider's own container, where only the administrator puts files.
		bringsOwnTrust: false,
		address: valid,
		namespace,
		authMount,
		tls,
	};
}

/** The instance of an entry under `stores`. */
export function readInstance(name: string, fields: Fields): VaultInstance {
	fields.required("address", "Write it as https://vault.example:8200.");
	return makeInstance(name, readOptions(fields), (option, message, remedy) => {
		if (option !== "address" || (fields.has("address") && fields.text("address") !== "")) fields.reject(option, message, remedy);
	});
}

function reportAddress(text: string, problem: AddressProblem, report: ReportOption): void {
	report("address", text === "" ? "is empty" : problem.problem, problem.remedy);
}

function checkClientCertificate(options: VaultOptions, report: ReportOption): void {
	const { tlsClientCertFile, tlsClientKeyFile } = options;
	if (tlsClientCertFile !== "" && tlsClientKeyFile === "") report("tlsClientKeyFile", "is missing", "Name the certificate's key too.");
	if (tlsClientKeyFile !== "" && tlsClientCertFile === "") report("tlsClientCertFile", "is missing", "Name the key's certificate too.");
}

function tlsOptions(options: VaultOptions): TlsOptions {
	return {
		...(options.caFile === "" ? {} : { caFile: options.caFile }),
		...(options.caDirectory === "" ? {} : { caDirectory: options.caDirectory }),
		...(options.tlsServerName === "" ? {} : { serverName: options.tlsServerName }),
		...(options.tlsClientCertFile === "" ? {} : { clientCertificateFile: options.tlsClientCertFile }),
		...(options.tlsClientKeyFile === "" ? {} : { clientKeyFile: options.tlsClientKeyFile }),
		...(options.skipTlsVerify ? { skipVerification: true } : {}),
	};
}

function trimSlashes(text: string): string {
	return text.replace(/^\/+|\/+$/g, "");
}

/** Both end up in a URL or a header: only elements of plain characters, and none that walks. */
function isPlainPath(text: string, element: RegExp): boolean {
	return text === "" || text.split("/").every((part) => element.test(part) && part !== "." && part !== "..");
}
