import { constants } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import type { ServerOptions } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SecureVersion } from "node:tls";
import type { ExecutionContext } from "ava";
import { type CallRecord, type Faults, StandIn } from "../stand-in.ts";
import { Applications } from "./applications.ts";
import { Certificates } from "./certificates.ts";
import { CcpDesk, type LogEntry, type VaultState } from "./desk.ts";
import { Accounts, Safes } from "./vault.ts";
import { WebServices } from "./web-services.ts";

export interface CcpOptions {
	/** The newest TLS that the server speaks; 1.3 unless given. */
	readonly tlsMaxVersion?: SecureVersion;
}

/** A Central Credential Provider on loopback, with the web service `AIMWebService`, which demands a client certificate. */
export interface Ccp {
	/** `https://127.0.0.1:<port>`; asks for a certificate, and leaves it to each web service whether it must be there. */
	readonly address: string;
	/** The same, but the handshake fails without a certificate that is trusted. */
	readonly strictAddress: string;
	/** The same again, but a certificate is asked for only when the URL is known: by a second handshake in TLS 1.2, never in 1.3. */
	readonly lateAddress: string;
	/** The certificate of the only authority to trust, PEM. It has signed the server's and those of clients. */
	readonly authority: string;
	readonly certificates: Certificates;
	readonly webServices: WebServices;
	readonly applications: Applications;
	readonly safes: Safes;
	readonly accounts: Accounts;
	/** What lies behind the web service: down, slow, or of another release. */
	readonly vault: VaultState;
	/** What the web service was asked, in the order of arrival. */
	readonly log: readonly LogEntry[];
	readonly faults: Faults;
	/** Added to each answer. */
	latencyMilliseconds: number;
	/** All requests in the order of arrival; those of one operation only, or all. */
	calls(operation?: "accounts.get" | "liveness"): readonly CallRecord[];
	/** How often each operation was asked for; `""` counts all other requests. */
	counts(): Readonly<Record<string, number>>;
	/** Requests that have no whole answer yet and whose client still waits. */
	openRequests(): number;
	/** Forgets calls, log, faults and latency; not what is stored, nor how the vault is. */
	reset(): void;
	stop(): Promise<void>;
}

/** A second handshake that resumed the first one's session would bring no certificate. */
const secureOptions = constants.SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION;

/** Starts a server; it stops with the test, or by `stop()` where `t` is undefined because many tests share it. */
export async function startCcp(t: ExecutionContext<unknown> | undefined, options: CcpOptions = {}): Promise<Ccp> {
	const directory = mkdtempSync(join(tmpdir(), "clv-ccp-"));
	const certificates = new Certificates(directory);
	const webServices = new WebServices();
	const applications = new Applications();
	const safes = new Safes();
	const accounts = new Accounts(safes);
	const desk = new CcpDesk({ webServices, applications, safes, accounts });
	const server = new StandIn(desk);
	const stop = async () => {
		await server.stop();
		rmSync(directory, { recursive: true, force: true });
	};
	t?.teardown(stop);
	webServices.set("AIMWebService");
	const { authority } = certificates;
	const newest = options.tlsMaxVersion === undefined ? {} : { maxVersion: options.tlsMaxVersion };
	const tls: ServerOptions = { ...certificates.server, ca: authority, secureOptions, ...newest };
	const listen = async (requestCert: boolean, rejectUnauthorized: boolean) =>
		`https://127.0.0.1:${await server.listen({ ...tls, requestCert, rejectUnauthorized })}`;
	return {
		...{
			authority,
			certificates,
			webServices,
			applications,
			safes,
			accounts,
			vault: desk.vault,
			log: desk.log,
			faults: server.faults,
			stop,
		},
		address: await listen(true, false),
		strictAddress: await listen(true, true),
		lateAddress: await listen(false, false),
		get latencyMilliseconds() {
			return server.latencyMilliseconds;
		},
		set latencyMilliseconds(milliseconds) {
			server.latencyMilliseconds = milliseconds;
		},
		calls: (operation) => server.calls.filter((call) => operation === undefined || call.operation === operation),
		counts: () => server.counts(),
		openRequests: () => server.openRequests,
		reset() {
			server.reset();
			desk.log.length = 0;
		},
	};
}
