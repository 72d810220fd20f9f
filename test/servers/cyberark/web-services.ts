import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { StandInRequest } from "../stand-in.ts";
import { page } from "./answers.ts";
import type { Peer } from "./applications.ts";

/** An application of IIS in which the web service runs. */
export interface WebService {
	/** Default true. */
	readonly demandsCertificate?: boolean;
	/** Wants to know the Windows user, which no client of ours has. */
	readonly demandsWindowsUser?: boolean;
	/** Its application pool is down. */
	readonly isStopped?: boolean;
}

/** IIS before the web service: who gets through to it, and with which certificate. */
export class WebServices {
	/** The longest query that is let through: maxQueryString. */
	longestQuery = 2048;
	readonly #services = new Map<string, WebService>();
	readonly #asked = new WeakSet<TLSSocket>();

	/** Makes or changes one. @param name such as `AIMWebService`, or `site/AIMWebService` for one beneath a site's path */
	set(name: string, service: WebService = {}): void {
		this.#services.set(name.toLowerCase(), service);
	}

	remove(name: string): void {
		this.#services.delete(name.toLowerCase());
	}

	/** @throws Refusal with a page of IIS */
	async admit(name: string, request: StandInRequest): Promise<Peer> {
		const service = this.#services.get(name.toLowerCase());
		if (service === undefined) throw page(404, "404 - File or directory not found.");
		if (service.isStopped === true) throw page(503, "Service Unavailable");
		if ((request.query?.length ?? 0) > this.longestQuery) throw page(404, "404.15 - Query string too long");
		const { demandsCertificate = true } = service;
		const { socket } = request;
		if (demandsCertificate && socket instanceof TLSSocket) await this.#askLate(socket);
		const peer = peerOf(socket, demandsCertificate);
		if (service.demandsWindowsUser === true) throw page(401, "401 - Unauthorized", { "www-authenticate": "Negotiate" });
		return peer;
	}

	/** Asks a connection for a certificate unless it has one. Only TLS 1.2 knows second handshakes; a client with 1.3 stays as it is. */
	async #askLate(socket: TLSSocket): Promise<void> {
		if (socket.getPeerX509Certificate() !== undefined || this.#asked.has(socket)) return;
		this.#asked.add(socket);
		await new Promise<void>((resolve) => {
			socket.renegotiate({ requestCert: true, rejectUnauthorized: false }, () => resolve());
			socket.once("close", () => resolve());
		});
	}
}

function peerOf(socket: Socket, demandsCertificate: boolean): Peer {
	const address = socket.remoteAddress ?? "";
	const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
	if (!(socket instanceof TLSSocket) || certificate === undefined) {
		if (demandsCertificate) throw page(403, "403.7 - Client certificate required");
		return { address, serial: "", subject: "" };
	}
	if (Date.parse(certificate.validTo) < Date.now()) throw page(403, "403.17 - Client certificate has expired or is not yet valid");
	if (!socket.authorized) throw page(403, "403.16 - Client certificate is not trusted");
	return { address, serial: certificate.serialNumber, subject: certificate.subject };
}
