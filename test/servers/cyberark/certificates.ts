import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Authority, issue, makeAuthority } from "../../net/certificates.ts";

/** What a client proves itself with, in PEM. */
export interface ClientCertificate {
	readonly certificate: string;
	readonly key: string;
	/** In hexadecimal, as an application's authentication lists it. */
	readonly serial: string;
	/** Such as `CN=shop`. */
	readonly subject: string;
}

export interface ClientCertificateOptions {
	/** Days from now; -1 makes an expired certificate. */
	readonly days?: number;
	/** Locks the key. */
	readonly passphrase?: string;
	/** Signed by an authority that the server does not know. */
	readonly byStranger?: boolean;
}

/** The site's own authority, with the certificate of its server, which may be called `ccp.example`, and those of its clients. */
export class Certificates {
	/** PEM. */
	readonly authority: string;
	readonly server: { readonly cert: Buffer; readonly key: Buffer };
	readonly #directory: string;
	readonly #own: Authority;
	#stranger: Authority | undefined;

	/** @param directory keeps the files, and is its owner's to remove */
	constructor(directory: string) {
		this.#directory = directory;
		this.#own = makeAuthority(directory, "site-ca", "ec");
		this.authority = readFileSync(this.#own.certificate, "utf8");
		const { certificate, key } = issue(directory, this.#own, "ccp", { names: "IP:127.0.0.1,DNS:ccp.example", keyType: "ec" });
		this.server = { cert: readFileSync(certificate), key: readFileSync(key) };
	}

	/** @param name the common name */
	issue(name: string, options: ClientCertificateOptions = {}): ClientCertificate {
		const { days, passphrase, byStranger = false } = options;
		if (byStranger) this.#stranger ??= makeAuthority(this.#directory, "stranger-ca", "ec");
		const authority = byStranger && this.#stranger !== undefined ? this.#stranger : this.#own;
		const files = issue(mkdtempSync(join(this.#directory, "client-")), authority, name, {
			keyType: "ec",
			...(days === undefined ? {} : { days }),
		});
		const certificate = readFileSync(files.certificate, "utf8");
		const { serialNumber: serial, subject } = new X509Certificate(certificate);
		return { certificate, key: locked(readFileSync(files.key, "utf8"), passphrase), serial, subject };
	}
}

function locked(key: string, passphrase: string | undefined): string {
	if (passphrase === undefined) return key;
	return createPrivateKey(key).export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase }).toString();
}
