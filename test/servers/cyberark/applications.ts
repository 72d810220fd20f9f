import { CcpRefusal } from "./answers.ts";

/** How an application must prove itself; each kind that is given must fit. */
export interface Authentication {
	/** Serial numbers of client certificates, in hexadecimal. */
	readonly serials?: readonly string[];
	/** Subjects of client certificates, such as `CN=shop`. */
	readonly subjects?: readonly string[];
	/** Machines, by their addresses. */
	readonly addresses?: readonly string[];
}

/** Who asks, as the connection tells. */
export interface Peer {
	readonly address: string;
	/** Of a certificate that was trusted; empty without one. */
	readonly serial: string;
	readonly subject: string;
}

const forbidden = /[\\/:*?"<>|]|\p{Cc}/u;

/** The applications by their AppID, whose case does not matter. */
export class Applications {
	readonly #applications = new Map<string, Authentication>();

	/** Makes or changes an application. */
	add(appId: string, authentication: Authentication = {}): void {
		this.#applications.set(appId.toLowerCase(), authentication);
	}

	remove(appId: string): void {
		this.#applications.delete(appId.toLowerCase());
	}

	/** @throws Refusal unless this peer may be this application */
	authenticate(appId: string, peer: Peer): void {
		if (forbidden.test(appId)) throw new CcpRefusal(400, "CASVL010E", "Invalid characters in User Name");
		const authentication = this.#applications.get(appId.toLowerCase());
		if (authentication === undefined) {
			const reason = `(Error: ITATS982E User ${appId} is not defined. Diagnostic Info: -1)`;
			throw new CcpRefusal(403, "APPAP008E", `Problem occurred while trying to use user in the Vault ${reason}`);
		}
		const failure = failureOf(authentication, peer);
		if (failure !== undefined) throw new CcpRefusal(403, "APPAP306E", `Authentication error for App ID [${appId}]. Reason: ${failure}`);
	}
}

function failureOf({ addresses, serials, subjects }: Authentication, peer: Peer): string | undefined {
	const unauthorized = (code: string, what: string, value: string) =>
		`${code} Failed to verify application authentication data: ${what} "${value}" is unauthorized`;
	if (addresses !== undefined && !addresses.includes(peer.address)) return unauthorized("APPAP132E", "Address", peer.address);
	if (serials !== undefined && !holds(serials, peer.serial)) return unauthorized("APPAP133E", "CertificateSN", peer.serial);
	if (subjects !== undefined && !holds(subjects, peer.subject)) return unauthorized("APPAP133E", "CertificateSubject", peer.subject);
	return undefined;
}

function holds(list: readonly string[], value: string): boolean {
	return list.some((entry) => entry.toLowerCase() === value.toLowerCase());
}
