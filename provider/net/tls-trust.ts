import { closeSync, constants, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import { ProviderError } from "../errors.ts";
import { errorCodeOf } from "../shared/error-code.ts";
import type { Secret } from "../shared/secret.ts";

/** How a server proves itself and, with a client certificate, how we do. All files are PEM. */
export interface TlsOptions {
	/** The certificates of the only authorities to trust, as text; no file and no directory is read for any then. */
	readonly ca?: string;
	/** The only certificate authorities to trust; wins over the directory. */
	readonly caFile?: string;
	readonly caDirectory?: string;
	/** The name the certificate must carry, where it differs from the host. */
	readonly serverName?: string;
	readonly clientCertificateFile?: string;
	readonly clientKeyFile?: string;
	/** The certificate as text, with those that lead to its authority behind it; the file is not read then. */
	readonly clientCertificate?: string;
	readonly clientKey?: Secret;
	/** Opens an encrypted key, be it a text or a file. */
	readonly clientKeyPassphrase?: Secret;
	/** The newest version of TLS to speak; the newest that Node knows unless given. */
	readonly maximumVersion?: "1.2";
	readonly skipVerification?: boolean;
}

const largestFile = 1024 * 1024;
const mostFiles = 1000;
/** Of all authorities; the usual bundle of all public ones takes a quarter of a MiB. */
const largestTogether = 8 * 1024 * 1024;
const lookAgainMilliseconds = 1000;

/**
 * The TLS context of one server, made again when a file behind it changes on disk. Files are looked
 * at once a second at most. A change that cannot be used (half written, removed) leaves the last good
 * context in place.
 */
export class TlsTrust {
	readonly #options: TlsOptions;
	#context: SecureContext | undefined;
	#fingerprint = "";
	#lookAgainAt = 0;

	/** @param environment SSL_CERT_FILE and SSL_CERT_DIR name the authorities where the options name none */
	constructor(options: TlsOptions, environment: Readonly<Record<string, string | undefined>>) {
		const isNamed = options.ca !== undefined || options.caFile !== undefined || options.caDirectory !== undefined;
		this.#options = isNamed ? options : withSystemTrust(options, environment);
	}

	/**
	 * The context now. The same object as before means that nothing changed.
	 *
	 * @throws ProviderError `invalid` when a file cannot be used and there was no good one before
	 */
	current(): SecureContext {
		const now = performance.now();
		if (this.#context !== undefined && now < this.#lookAgainAt) return this.#context;
		this.#lookAgainAt = now + lookAgainMilliseconds;
		try {
			return this.#refresh();
		} catch (error) {
			if (this.#context !== undefined) return this.#context;
			throw error;
		}
	}

	#refresh(): SecureContext {
		const authorities = authorityFiles(this.#options);
		const { clientCertificateFile, clientKeyFile } = this.#options;
		const files = [...authorities, clientCertificateFile, clientKeyFile].filter((file) => file !== undefined);
		const fingerprint = files.map(fileFingerprint).join("\n");
		if (this.#context !== undefined && fingerprint === this.#fingerprint) return this.#context;
		this.#context = makeContext(authorities, this.#options);
		this.#fingerprint = fingerprint;
		return this.#context;
	}
}

/** Whose signature a server's certificate is believed by, for people. */
export function describeTrust(options: TlsOptions, environment: Readonly<Record<string, string | undefined>>): string {
	if (options.ca !== undefined) return "the authorities in the store's own certificates";
	const configured = options.caFile ?? options.caDirectory;
	if (configured !== undefined) return `the authorities in ${configured}`;
	const { caFile, caDirectory } = withSystemTrust(options, environment);
	if (caFile !== undefined) return `the authorities in ${caFile} (SSL_CERT_FILE)`;
	return caDirectory === undefined ? "the authorities that Node brings" : `the authorities in ${caDirectory} (SSL_CERT_DIR)`;
}

function withSystemTrust(options: TlsOptions, environment: Readonly<Record<string, string | undefined>>): TlsOptions {
	const { SSL_CERT_FILE: caFile, SSL_CERT_DIR: caDirectory } = environment;
	if (caFile) return { ...options, caFile };
	return caDirectory ? { ...options, caDirectory } : options;
}

function authorityFiles(options: TlsOptions): readonly string[] {
	if (options.ca !== undefined) return [];
	if (options.caFile !== undefined) return [options.caFile];
	const directory = options.caDirectory;
	if (directory === undefined) return [];
	const names = attempt(directory, () => readdirSync(directory)).sort();
	if (names.length > mostFiles) throw unusable(directory, `holds more than ${mostFiles} files`);
	const files = names.map((name) => join(directory, name)).filter((file) => attempt(file, () => statSync(file)).isFile());
	if (files.length === 0) throw unusable(directory, "holds no file");
	return files;
}

function makeContext(authorities: readonly string[], options: TlsOptions): SecureContext {
	const ca = readAuthorities(authorities);
	if (authorities.length > 0 && ca.length === 0) throw unusable(authorities[0] ?? "", "holds no certificate");
	const trust = options.ca === undefined && authorities.length === 0 ? {} : { ca: options.ca ?? ca };
	const { clientCertificateFile, clientKeyFile, maximumVersion } = options;
	const files = [...authorities, clientCertificateFile, clientKeyFile].filter((file) => file !== undefined).join(", ");
	return attempt(files, () =>
		createSecureContext({
			minVersion: "TLSv1.2",
			...(maximumVersion === undefined ? {} : { maxVersion: `TLSv${maximumVersion}` as const }),
			...trust,
			...clientPart(options),
		}),
	);
}

function readAuthorities(files: readonly string[]): string[] {
	let length = 0;
	return files.flatMap((file) => {
		const pem = readPem(file);
		length += pem.length;
		if (length > largestTogether) throw unusable(file, `and those before it hold more than ${largestTogether} bytes`);
		return pem.includes("-----BEGIN CERTIFICATE-----") ? [pem] : [];
	});
}

/** What proves us to the server; nothing without a client certificate. */
function clientPart(options: TlsOptions): Pick<SecureContextOptions, "cert" | "key" | "passphrase"> {
	const { clientCertificateFile, clientKeyFile, clientCertificate, clientKey, clientKeyPassphrase: passphrase } = options;
	const cert = clientCertificate ?? (clientCertificateFile === undefined ? undefined : readPem(clientCertificateFile));
	const key = clientKey?.reveal() ?? (clientKeyFile === undefined ? undefined : readPem(clientKeyFile));
	return {
		...(cert === undefined ? {} : { cert }),
		...(key === undefined ? {} : { key }),
		...(passphrase === undefined ? {} : { passphrase: passphrase.reveal().toString("utf8") }),
	};
}

/** Only a plain file of sane size is opened: a pipe would never end and a device never stop. */
function fileFingerprint(file: string): string {
	const status = attempt(file, () => statSync(file));
	if (!status.isFile()) throw unusable(file, "is not a file");
	if (status.size > largestFile) throw tooLarge(file);
	return `${file} ${status.ino} ${status.size} ${status.mtimeMs} ${status.ctimeMs}`;
}

/** Not more than the largest file, and without waiting: files of the kernel say that their size is 0, and some have no end. */
function readPem(file: string): string {
	return attempt(file, () => {
		const bytes = Buffer.alloc(largestFile + 1);
		const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
		try {
			let length = 0;
			for (let count = -1; count !== 0 && length < bytes.length; length += count) count = readSync(descriptor, bytes, { offset: length });
			if (length > largestFile) throw tooLarge(file);
			return bytes.toString("utf8", 0, length);
		} finally {
			closeSync(descriptor);
		}
	});
}

function attempt<Result>(file: string, use: () => Result): Result {
	try {
		return use();
	} catch (error) {
		if (error instanceof ProviderError) throw error;
		const code = errorCodeOf(error);
		throw unusable(file, `cannot be used${code === undefined ? "" : ` (${code})`}`, error);
	}
}

function tooLarge(file: string): ProviderError {
	return unusable(file, `is larger than ${largestFile} bytes`);
}

function unusable(file: string, problem: string, cause?: unknown): ProviderError {
	return new ProviderError("invalid", `The TLS file ${file} ${problem}.`, {
		remedy: "Name PEM files that the provider's container has.",
		cause,
	});
}
