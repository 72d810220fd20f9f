import { ProviderError } from "../errors.ts";
import { errorCodeOf } from "../shared/error-code.ts";

/** How far a request got. */
export type Stage = "resolve" | "connect" | "tls" | "response";

const certificateFacts: Readonly<Record<string, string>> = {
	CERT_HAS_EXPIRED: "its certificate has expired",
	CERT_NOT_YET_VALID: "its certificate is not valid yet",
	CERT_REVOKED: "its certificate is revoked",
	DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed and not among the trusted ones",
	SELF_SIGNED_CERT_IN_CHAIN: "its certificate comes from a certificate authority that is not trusted",
	UNABLE_TO_GET_ISSUER_CERT: "its certificate comes from a certificate authority that is not trusted",
	UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its certificate comes from a certificate authority that is not trusted",
	UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate comes from a certificate authority that is not trusted",
	CERT_SIGNATURE_FAILURE: "its certificate is signed by another authority than the trusted one of that name",
	"CA signature digest algorithm too weak": "its certificate is signed with a hash that is too weak, such as SHA-1",
	"EE certificate key too weak": "the key of its certificate is too small",
	"CA certificate key too weak": "the key of its certificate authority is too small",
	INVALID_PURPOSE: "its certificate is not made for a server",
	ERR_SSL_UNSUPPORTED_PROTOCOL: "it speaks no TLS version from 1.2 on",
	ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: "it speaks no TLS version from 1.2 on",
	ERR_SSL_WRONG_VERSION_NUMBER: "it does not speak TLS on this port",
	ERR_SSL_PACKET_LENGTH_TOO_LONG: "it does not speak TLS on this port",
	ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: "it asks for a client certificate",
	ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: "it does not trust our client certificate",
};

const connectionFacts: Readonly<Record<string, string>> = {
	ENOTFOUND: "the name does not exist",
	EAI_AGAIN: "the name server gave no answer",
	ECONNREFUSED: "the connection was refused",
	ECONNRESET: "the connection was cut",
	EPIPE: "the connection was cut",
	ETIMEDOUT: "the connection was not answered",
	EHOSTUNREACH: "there is no way to the host",
	ENETUNREACH: "there is no way to the network",
	ENOENT: "the socket does not exist",
	EACCES: "the socket may not be opened",
	HPE_HEADER_OVERFLOW: "the headers of the answer are too large",
	ERR_PROXY_TUNNEL: "the proxy did not open the way",
};

const stageWords: Readonly<Record<Stage, string>> = {
	resolve: "while its name was looked up",
	connect: "while the connection was opened",
	tls: "in the TLS handshake",
	response: "while its answer was awaited",
};

const tlsRemedy = "Give the provider the right CA file and server name, or mend the server's certificate.";

/**
 * An error of Node's as one of ours: server, stage and fact. Its own text stays in `cause` only,
 * because it may repeat what the server sent.
 */
export function toFailure(error: unknown, stage: Stage, server: string): ProviderError {
	if (error instanceof ProviderError) return error;
	const code = errorCode(error);
	const reached = code === "ENOTFOUND" || code === "EAI_AGAIN" ? "resolve" : stage;
	const isTls = Object.hasOwn(certificateFacts, code) || code === "ERR_TLS_CERT_ALTNAME_INVALID";
	const remedy = isTls ? { remedy: tlsRemedy } : {};
	const message = `${server} is unreachable: ${factOf(code, error)} ${stageWords[isTls ? "tls" : reached]}.`;
	return new ProviderError("unreachable", message, { cause: error, ...remedy });
}

export function timeoutFailure(stage: Stage, server: string, milliseconds: number): ProviderError {
	return new ProviderError("unreachable", `${server} did not finish within ${milliseconds / 1000} s: time ran out ${stageWords[stage]}.`);
}

function errorCode(error: unknown): string {
	const code = errorCodeOf(error) ?? "";
	if (!(error instanceof Error)) return code;
	// Node has no code for some verdicts of OpenSSL; the message is then OpenSSL's fixed text.
	if (code === "UNSPECIFIED" && Object.hasOwn(certificateFacts, error.message)) return error.message;
	return code === "EPROTO" ? openSslCode(error.message) : code;
}

/** A handshake that fails while the connection is being opened has OpenSSL's reason only inside its message. */
function openSslCode(message: string): string {
	const reason = /:SSL routines:[^:]*:([a-z0-9 ]+):/.exec(message)?.[1];
	return reason === undefined ? "EPROTO" : `ERR_SSL_${reason.toUpperCase().replaceAll(" ", "_")}`;
}

function factOf(code: string, error: unknown): string {
	if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return `its certificate is made for other names${namesOf(error)}`;
	const fact = certificateFacts[code] ?? connectionFacts[code];
	if (fact !== undefined) return fact;
	if (code.startsWith("HPE_")) return `it answered something that is not HTTP (${code})`;
	return code === "" ? "the request failed" : `the request failed with ${code}`;
}

/** The names in the certificate: public, and what the reader needs to see. */
function namesOf(error: unknown): string {
	if (!(error instanceof Error) || !("cert" in error)) return "";
	const certificate = error.cert;
	if (typeof certificate !== "object" || certificate === null || !("subjectaltname" in certificate)) return "";
	const names = certificate.subjectaltname;
	return typeof names === "string" ? ` (${names.replace(/\p{Cc}/gu, "").slice(0, 200)})` : "";
}
