import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** A certificate authority and the certificates it signs, as PEM files in one directory. */
export interface Authority {
	readonly certificate: string;
	readonly key: string;
}

export interface Certificate {
	readonly certificate: string;
	readonly key: string;
}

export interface CertificateOptions {
	/** Subject alternative names, such as `IP:127.0.0.1`. */
	readonly names?: string;
	/** Days from now; -1 makes an expired certificate. */
	readonly days?: number;
	/** Default `sha256`. */
	readonly hash?: string;
	readonly selfSigned?: boolean;
	/** Default `rsa`. */
	readonly keyType?: KeyType;
}

/** RSA with 2048 bits, or EC on P-256, which is made much faster. */
export type KeyType = "rsa" | "ec";

export function makeAuthority(directory: string, name: string, keyType: KeyType = "rsa"): Authority {
	const [certificate, key] = [join(directory, `${name}.pem`), join(directory, `${name}.key`)];
	openssl(
		"req",
		"-x509",
		...newKey(key, keyType),
		"-subj",
		`/CN=${name}`,
		"-addext",
		"basicConstraints=critical,CA:TRUE",
		"-out",
		certificate,
		"-days",
		"30",
	);
	return { certificate, key };
}

/** A certificate for a server or a client. */
export function issue(directory: string, authority: Authority, name: string, options: CertificateOptions = {}): Certificate {
	const file = (kind: string) => join(directory, `${name}.${kind}`);
	const [certificate, key, request, extensions] = [file("pem"), file("key"), file("csr"), file("ext")];
	writeFileSync(extensions, `subjectAltName=${options.names ?? "IP:127.0.0.1"}\nextendedKeyUsage=serverAuth,clientAuth\n`);
	openssl("req", ...newKey(key, options.keyType ?? "rsa"), "-subj", `/CN=${name}`, "-out", request);
	const signer = options.selfSigned ? ["-signkey", key] : ["-CA", authority.certificate, "-CAkey", authority.key];
	openssl(
		"x509",
		"-req",
		"-in",
		request,
		...signer,
		`-${options.hash ?? "sha256"}`,
		"-extfile",
		extensions,
		"-days",
		String(options.days ?? 30),
		"-out",
		certificate,
	);
	return { certificate, key };
}

function newKey(file: string, type: KeyType): readonly string[] {
	const kind = type === "rsa" ? ["rsa:2048"] : ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
	return ["-newkey", ...kind, "-nodes", "-keyout", file];
}

function openssl(...parameters: readonly string[]): void {
	execFileSync("openssl", parameters, { stdio: "pipe" });
}
