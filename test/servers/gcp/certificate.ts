import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { issue, makeAuthority } from "../../net/certificates.ts";
import { certificateNames } from "./hosts.ts";

/** PEM. */
export interface ServerCertificate {
	readonly authority: Buffer;
	readonly certificate: Buffer;
	readonly key: Buffer;
}

let made: ServerCertificate | undefined;

/** A certificate for every host of Google's here, by an authority that is this process's own; made once, because it takes a second. */
export function serverCertificate(): ServerCertificate {
	made ??= make();
	return made;
}

function make(): ServerCertificate {
	const directory = mkdtempSync(join(tmpdir(), "clv-gcp-"));
	try {
		const authority = makeAuthority(directory, "google-ca");
		const { certificate, key } = issue(directory, authority, "google", { names: certificateNames });
		return { authority: readFileSync(authority.certificate), certificate: readFileSync(certificate), key: readFileSync(key) };
	} finally {
		rmSync(directory, { recursive: true, force: true });
	}
}
