import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { ProviderError } from "../../errors.ts";
import type { Secret } from "../../shared/secret.ts";

/** A client certificate in PEM, those that lead to its authority behind it, and its key. */
export interface ClientCertificate {
	readonly certificate: Buffer;
	readonly key: Secret;
	readonly passphrase?: Secret;
	/** Where the parts lie, as subjects of messages. */
	readonly names: { readonly certificate: string; readonly key: string };
	/** What to do when it is of no use. */
	readonly remedy: string;
}

/**
 * Makes sure that a certificate can prove anybody: it can be read, its key belongs to it, and its time is now.
 *
 * @returns until when it holds
 * @throws ProviderError `invalid` when it is malformed, `unidentified` outside of its time. No text repeats anything of it
 */
export function checkCertificate(client: ClientCertificate): Date {
	const { certificate, names, remedy } = client;
	const leaf = readCertificate(client);
	const key = readKey(client);
	if (!leaf.checkPrivateKey(key)) throw unusable(`${names.key} is not the key of the first certificate in ${names.certificate}`, remedy);
	try {
		createSecureContext({ cert: certificate, key: key.export({ type: "pkcs8", format: "pem" }) });
	} catch (cause) {
		throw unusable(`${names.certificate} cannot be used: its key may be too small, or one of the certificates is damaged`, remedy, cause);
	}
	const [begins, ends] = [new Date(leaf.validFrom), new Date(leaf.validTo)];
	if (begins.getTime() > Date.now())
		throw outOfTime(`${names.certificate} is not valid before ${begins.toISOString()}`, "Check the node's clock.");
	if (ends.getTime() <= Date.now()) throw outOfTime(`${names.certificate} has expired on ${ends.toISOString()}`, remedy);
	return ends;
}

function readCertificate({ certificate, names, remedy }: ClientCertificate): X509Certificate {
	try {
		return new X509Certificate(certificate);
	} catch (cause) {
		throw unusable(`${names.certificate} holds no certificate in PEM`, remedy, cause);
	}
}

/** What OpenSSL says of a key may quote from it, so it is not kept. */
function readKey({ key, passphrase, names, remedy }: ClientCertificate): KeyObject {
	const pem = key.reveal();
	const isEncrypted = /-----BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(pem.toString("latin1"));
	if (isEncrypted && passphrase === undefined) throw unusable(`${names.key} is encrypted, and there is no passphrase`, remedy);
	try {
		return createPrivateKey({ key: pem, format: "pem", ...(passphrase === undefined ? {} : { passphrase: passphrase.reveal() }) });
	} catch {
		throw unusable(isEncrypted ? `${names.key} does not open with its passphrase` : `${names.key} holds no key in PEM`, remedy);
	}
}

function unusable(problem: string, remedy: string, cause?: unknown): ProviderError {
	return new ProviderError("invalid", `${problem}.`, { stage: "login", remedy, cause });
}

function outOfTime(problem: string, remedy: string): ProviderError {
	return new ProviderError("unidentified", `${problem}.`, { stage: "login", remedy });
}
