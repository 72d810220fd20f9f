import { STATUS_CODES } from "node:http";
import type { Address } from "../../net/address.ts";
import { goQuote } from "../../shared/go-text.ts";

/** How cyberark/conjur-k8s-csi-provider begins what is about a class. */
export const configurationPrefix = "CKCP013 Failed to create configuration from mount request parameters: ";
const fetchPrefix = "CKCP016 Failed to get Conjur secrets: ";

/** Where its client library cannot even be set up. */
export function clientText(problems: readonly string[]): string {
	return `${fetchPrefix}CKCP030 Failed to create Conjur client: ${problems.join(" -- ")}`;
}

/** Where login or batch fail; the library logs in when it needs to. */
export function retrievalText(problem: string): string {
	return `${fetchPrefix}CKCP031 Failed to retrieve batch secrets: ${problem}`;
}

/** An answer that is an error, in the words of the client library. */
export function answerText(status: number, said: string | undefined): string {
	const line = `${status} ${STATUS_CODES[status] ?? ""}`.trimEnd();
	return said === undefined ? `${line}. ` : `${line}. ${said}.`;
}

/** Node's codes for certificates that nobody vouches for who is trusted. */
const unknownAuthority: ReadonlySet<string> = new Set([
	"SELF_SIGNED_CERT_IN_CHAIN",
	"DEPTH_ZERO_SELF_SIGNED_CERT",
	"UNABLE_TO_GET_ISSUER_CERT",
	"UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
	"UNABLE_TO_VERIFY_LEAF_SIGNATURE",
	"CERT_SIGNATURE_FAILURE",
]);

/** A request without an answer, as Go's net/http tells it; where its words are not known, with our own. */
export function connectionText(method: "GET" | "POST", url: string, { host, port }: Address, fact: Error): string {
	const { cause } = fact;
	const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
	return `${method === "GET" ? "Get" : "Post"} ${goQuote(url)}: ${goFact(code, host, port) ?? fact.message}`;
}

function goFact(code: string, host: string, port: number): string | undefined {
	if (code === "ECONNREFUSED") return `dial tcp ${host}:${port}: connect: connection refused`;
	if (code === "ENOTFOUND") return `dial tcp: lookup ${host}: no such host`;
	if (code === "ECONNRESET") return "EOF";
	const verification = "tls: failed to verify certificate: x509: certificate";
	if (code === "CERT_HAS_EXPIRED") return `${verification} has expired or is not yet valid`;
	return unknownAuthority.has(code) ? `${verification} signed by unknown authority` : undefined;
}

/** What net/url and net/http say to an address without a scheme. Source: both, Go 1.24. */
export function schemeText(address: string, fullIds: readonly string[], login: string): string {
	const base = address.replace(/\/$/, "");
	const batch = `${base}/secrets/?variable_ids=${encodeURIComponent(fullIds.join(","))}`;
	const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(base)?.[1];
	const [segment = ""] = base.split("/");
	if (scheme === undefined && segment.includes(":")) return `parse ${goQuote(batch)}: first path segment in URL cannot contain colon`;
	return `Post ${goQuote(`${base}${login}`)}: unsupported protocol scheme ${goQuote((scheme ?? "").toLowerCase())}`;
}
