import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type KeyType = "rsa" | "ec-256" | "ec-384" | "ec-521";

/** A leaf with its private key, and those who signed it. All PEM. */
export interface Chain {
	readonly key: string;
	readonly leaf: string;
	readonly intermediate: string;
	readonly root: string;
}

export interface Pkcs12Options {
	/** PEM; default: that of the chain. */
	readonly key?: string;
	/** PEM, behind the leaf, in this order. Default: root, then intermediate, which is no chain's order. */
	readonly others?: readonly string[];
	/** Default: none. */
	readonly password?: string;
	/** Further arguments of `openssl pkcs12 -export`. */
	readonly arguments?: readonly string[];
}

/** Makes certificates and containers by the tool that most of them are made by. */
export class CertificateFactory {
	readonly #directory = mkdtempSync(join(tmpdir(), "clv-azure-certificates-"));
	#count = 0;

	chain(keyType: KeyType): Chain {
		const root = this.#certificate("root", { isAuthority: true });
		const intermediate = this.#certificate("intermediate", { isAuthority: true, signer: root });
		const leaf = this.#certificate("leaf", { keyType, signer: intermediate });
		return { key: leaf.key, leaf: leaf.certificate, intermediate: intermediate.certificate, root: root.certificate };
	}

	/** A certificate that says of its own key and of its signer's what it is told to. */
	withKeyIdentifiers(name: string, subject: string, authority: string): string {
		const config = [
			"[req]\ndistinguished_name=dn\n[dn]\n[ext]",
			`2.5.29.14=DER:0414${subject.repeat(20)}`,
			`2.5.29.35=DER:30168014${authority.repeat(20)}`,
		].join("\n");
		const [key, certificate] = [this.#file("key"), this.#file("pem")];
		const request = ["req", "-x509", ...newKey("ec-256", key), "-subj", `/CN=${name}`, "-days", "30", "-out", certificate];
		openssl(...request, "-config", this.#write(config), "-extensions", "ext");
		return readFileSync(certificate, "utf8");
	}

	/** A PKCS#12 container of a chain, DER. */
	pkcs12({ key, leaf, intermediate, root }: Chain, options: Pkcs12Options = {}): Buffer {
		const { others = [root, intermediate], password = "" } = options;
		const made = this.#file("p12");
		const inputs = ["-inkey", this.#write(options.key ?? key), "-in", this.#write(leaf)];
		if (others.length > 0) inputs.push("-certfile", this.#write(others.join("")));
		openssl("pkcs12", "-export", ...inputs, "-passout", `pass:${password}`, "-out", made, ...(options.arguments ?? []));
		return readFileSync(made);
	}

	/** A container of certificates alone. */
	pkcs12OfCertificates(certificates: readonly string[]): Buffer {
		const made = this.#file("p12");
		openssl("pkcs12", "-export", "-nokeys", "-in", this.#write(certificates.join("")), "-passout", "pass:", "-out", made);
		return readFileSync(made);
	}

	remove(): void {
		rmSync(this.#directory, { recursive: true, force: true });
	}

	#certificate(name: string, { isAuthority = false, keyType = "ec-256", signer }: CertificateOptions): Signed {
		const [keyFile, request, certificateFile] = [this.#file("key"), this.#file("csr"), this.#file("pem")];
		openssl("req", ...newKey(keyType, keyFile), "-subj", `/CN=${name}`, "-out", request);
		const extensions = `basicConstraints=CA:${isAuthority ? "TRUE" : "FALSE"}\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n`;
		const by = signer === undefined ? ["-signkey", keyFile] : ["-CA", this.#write(signer.certificate), "-CAkey", this.#write(signer.key)];
		openssl("x509", "-req", "-in", request, ...by, "-days", "30", "-extfile", this.#write(extensions), "-out", certificateFile);
		return { key: readFileSync(keyFile, "utf8"), certificate: readFileSync(certificateFile, "utf8") };
	}

	#write(text: string): string {
		const file = this.#file("txt");
		writeFileSync(file, text);
		return file;
	}

	#file(kind: string): string {
		this.#count += 1;
		return join(this.#directory, `${this.#count}.${kind}`);
	}
}

interface Signed {
	readonly key: string;
	readonly certificate: string;
}

interface CertificateOptions {
	readonly isAuthority?: boolean;
	readonly keyType?: KeyType;
	readonly signer?: Signed;
}

const curves = { "ec-256": "prime256v1", "ec-384": "secp384r1", "ec-521": "secp521r1" } as const;

function newKey(type: KeyType, file: string): readonly string[] {
	const kind = type === "rsa" ? ["rsa:2048"] : ["ec", "-pkeyopt", `ec_paramgen_curve:${curves[type]}`];
	return ["-newkey", ...kind, "-nodes", "-keyout", file];
}

function openssl(...parameters: readonly string[]): void {
	execFileSync("openssl", parameters, { stdio: "pipe" });
}
