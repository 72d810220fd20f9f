import { isIP, type Socket } from "node:net";
import { connect, type DetailedPeerCertificate, type TLSSocket } from "node:tls";
import { type Finding, failed, failure, ok, warning } from "../shared/finding.ts";
import { type Address, bareHost, serverName } from "./address.ts";
import type { AllowsAddress } from "./address-guard.ts";
import { toFailure } from "./failure.ts";
import { causeOf } from "./path-connection.ts";
import type { ProxyEnvironment } from "./proxy.ts";
import { describeTrust, type TlsOptions, TlsTrust } from "./tls-trust.ts";
import { Transport } from "./transport.ts";

export interface TlsStage {
	readonly address: Address;
	readonly tls?: TlsOptions;
	readonly path: string;
	readonly environment: ProxyEnvironment;
	readonly allowsAddress: AllowsAddress;
	/** Connected to the server. */
	readonly socket: Socket;
	readonly signal: AbortSignal;
}

const dayMilliseconds = 86_400_000;
/** Certificates that are renewed by a program are renewed earlier than this. */
const soonDays = 14;

/** Shakes hands and says what the certificate is, until when it holds, and who vouches for it. */
export async function diagnoseTls(stage: TlsStage): Promise<readonly Finding[]> {
	const { address, tls = {}, environment } = stage;
	const trust = describeTrust(tls, environment);
	let secured: TLSSocket | undefined;
	try {
		secured = await shakeHands(stage);
		const chain = chainOf(secured.getPeerCertificate(true));
		const shown = `${serverName(address)} speaks ${secured.getProtocol() ?? "TLS"} with the certificate ${describe(chain)}`;
		if (tls.skipVerification === true) {
			const remedy = "Remove skipTlsVerify, and name the authority's PEM file as caFile.";
			return [warning("TLS", `${shown}. It is not verified, so anybody between may read what is sent.`, remedy)];
		}
		if (!secured.authorized)
			return [await refusal(stage, secured.authorizationError, `Its certificate is ${describe(chain)}; it was held against ${trust}.`)];
		return [ok("TLS", `${shown}, verified with ${trust}.`), ...expiryOf(chain)];
	} catch (reason) {
		return [
			failure(
				"TLS",
				toFailure(causeOf(reason, stage.signal), "tls", serverName(address)),
				"Check that the port is the one that speaks TLS.",
			),
		];
	} finally {
		secured?.destroy();
	}
}

function shakeHands({ address, tls = {}, environment, socket, signal }: TlsStage): Promise<TLSSocket> {
	const name = tls.serverName ?? bareHost(address);
	const secureContext = new TlsTrust(tls, environment).current();
	const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
	const secured = connect({
		socket,
		secureContext,
		host: name,
		...(isIP(name) === 0 ? { servername: name } : {}),
		// The verdict is read afterwards: a certificate that is refused can still be described.
		rejectUnauthorized: false,
	});
	const abort = () => secured.destroy(new Error("no answer"));
	signal.addEventListener("abort", abort, { once: true });
	secured.once("secureConnect", () => resolve(secured));
	secured.on("error", reject);
	secured.once("close", () => reject(Object.assign(new Error("closed"), { code: "ECONNRESET" })));
	return promise.finally(() => signal.removeEventListener("abort", abort));
}

/** What every mount would be told: the words come from the transport that mounts use, which ends at the same verdict. */
async function refusal(stage: TlsStage, verdict: unknown, seen: string): Promise<Finding> {
	const { address, tls = {}, environment, allowsAddress, path, signal } = stage;
	const transport = new Transport({ address, tls, environment });
	const remedy = remedyFor(address, String(verdict));
	try {
		await transport.request({ method: "GET", path, signal, allowsAddress });
		return failed("TLS", `The certificate of ${serverName(address)} is not valid. ${seen}`, remedy);
	} catch (reason) {
		const finding = failure("TLS", reason, remedy);
		return finding.status === "unchecked" ? finding : failed("TLS", `${finding.message} ${seen}`, remedy);
	} finally {
		transport.close();
	}
}

/** @param verdict Node's code for what is wrong with the certificate, such as `CERT_HAS_EXPIRED` */
function remedyFor(address: Address, verdict: string): string {
	if (verdict.includes("CERT_HAS_EXPIRED")) return "Renew the server's certificate.";
	if (verdict.includes("CERT_NOT_YET_VALID")) return "Set the clocks of this node and of whoever issued the certificate.";
	if (verdict.includes("ALTNAME")) return "Write an address that the certificate names, or that name as tlsServerName of the store.";
	const show = `openssl s_client -showcerts -connect ${address.host}:${address.port} </dev/null`;
	return `Write the authority that issued it into a PEM file as caFile of the store, or start the provider with --ca-file; see it with: ${show}`;
}

/** The server's certificate and those that vouch for it, up to the root where that is known. */
function chainOf(leaf: DetailedPeerCertificate): readonly DetailedPeerCertificate[] {
	const chain: DetailedPeerCertificate[] = [];
	const seen = new Set<string>();
	for (
		let current: DetailedPeerCertificate | undefined = leaf;
		current?.fingerprint256 !== undefined;
		current = current.issuerCertificate
	) {
		if (seen.has(current.fingerprint256)) break;
		seen.add(current.fingerprint256);
		chain.push(current);
	}
	return chain;
}

function describe(chain: readonly DetailedPeerCertificate[]): string {
	const [leaf, ...authorities] = chain;
	if (leaf === undefined) return "of nobody";
	const names = (leaf.subjectaltname ?? commonName(leaf.subject)).slice(0, 200);
	const issuers = authorities.length === 0 ? commonName(leaf.issuer) : authorities.map(({ subject }) => commonName(subject)).join(" ← ");
	return `of ${names}, issued by ${issuers}, valid until ${dayOf(leaf)}`;
}

function commonName({ CN: name, O: organization }: { readonly CN?: string | string[]; readonly O?: string | string[] }): string {
	return String(name ?? organization ?? "an authority without a name");
}

function dayOf(certificate: DetailedPeerCertificate): string {
	const end = Date.parse(certificate.valid_to);
	return Number.isNaN(end) ? "an unknown day" : `${new Date(end).toISOString().slice(0, 10)} (${daysUntil(end)} days)`;
}

function daysUntil(time: number): number {
	return Math.floor((time - Date.now()) / dayMilliseconds);
}

function expiryOf(chain: readonly DetailedPeerCertificate[]): readonly Finding[] {
	return chain.flatMap((certificate) => {
		const days = daysUntil(Date.parse(certificate.valid_to));
		if (Number.isNaN(days) || days >= soonDays) return [];
		const message = `The certificate ${commonName(certificate.subject)} ends in ${days} days, and with it every mount from there.`;
		return [warning("certificate", message, "Renew it, or see why the program that renews it has not done so.")];
	});
}
