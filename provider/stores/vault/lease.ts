import { X509Certificate } from "node:crypto";
import { isJsonObject, type JsonObject, jsonMember } from "../../shared/json.ts";
import type { Lease } from "../store.ts";

/** Path elements below a mount under which the engines of Vault and OpenBao make something new at every read. */
const makers: ReadonlySet<string> = new Set(["creds", "sts", "issue", "sign", "roleset", "static-account", "impersonated-account"]);
const readers: ReadonlySet<string> = new Set(["GET", "LIST", "HEAD"]);

/**
 * Whether a request probably makes something new for its reader: a credential, a certificate. A path of KV v2
 * is told by its `data/`; what is guessed wrong costs a login for each pod, and what is missed shows by its answer.
 *
 * @param path encoded, below `/v1`, with its query
 */
export function isLikelyLeased(method: string, path: string): boolean {
	if (!readers.has(method.toUpperCase())) return true;
	const [bare = ""] = path.split("?");
	const [, , ...belowMount] = bare.split("/");
	const maker = belowMount.findIndex((element) => makers.has(element));
	return maker !== -1 && !belowMount.slice(0, maker).includes("data");
}

/**
 * The lease of an answer: the server's own, or for what has an end and no lease, as certificates have, one
 * without an id that cannot be renewed. The latter is looked for only where something new was made, because a
 * kept secret may hold members of the same names.
 *
 * @param askedAt milliseconds of the epoch, when the request was sent
 */
export function readLease(envelope: JsonObject, leased: boolean, askedAt: number): Lease | undefined {
	const id = jsonMember(envelope, "lease_id");
	const seconds = jsonMember(envelope, "lease_duration");
	if (typeof id === "string" && id !== "" && typeof seconds === "number" && seconds > 0)
		return {
			id,
			durationSeconds: seconds,
			renewable: jsonMember(envelope, "renewable") === true,
			expiresAt: new Date(askedAt + seconds * 1000),
		};
	const data = jsonMember(envelope, "data");
	const end = leased && isJsonObject(data) ? readEnd(data) : undefined;
	if (end === undefined || end <= askedAt) return undefined;
	return { id: "", durationSeconds: (end - askedAt) / 1000, renewable: false, expiresAt: new Date(end) };
}

/** Milliseconds of the epoch: `expiration` of the PKI engine, `expires_at_seconds` of Google's tokens, or the certificate's own end. */
function readEnd(data: JsonObject): number | undefined {
	for (const name of ["expiration", "expires_at_seconds"]) {
		const seconds = jsonMember(data, name);
		if (typeof seconds === "number" && seconds > 0) return seconds * 1000;
	}
	const certificate = jsonMember(data, "certificate");
	return typeof certificate === "string" ? endOfCertificate(certificate) : undefined;
}

function endOfCertificate(pem: string): number | undefined {
	try {
		return new X509Certificate(pem).validToDate.getTime();
	} catch {
		// Something else under that name has no end that could be read.
		return undefined;
	}
}
