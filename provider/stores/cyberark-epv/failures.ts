import { ProviderError } from "../../errors.ts";
import { serverName } from "../../net/address.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import type { Identity } from "../store.ts";
import { readErrorCode } from "./answer.ts";
import type { CyberArkInstance } from "./instance.ts";
import type { AccountRef } from "./ref.ts";

/** One read that was answered with an error, or not at all. No text names the application. */
export interface FailedRead {
	readonly ref: AccountRef;
	readonly instance: CyberArkInstance;
	readonly identity: Identity;
}

/** What an error code means. */
export type ErrorKind = "absent" | "unknown-application" | "denied" | "ambiguous" | "malformed" | "changing" | "outage" | "other";

/** By code; a code that is not here is judged by its status. Source: CyberArk, "Central Credential Provider, error messages". */
const kinds: ReadonlyMap<string, ErrorKind> = new Map([
	...kindsOf("absent", "APPAP004E", "APPAP249E", "APPAP324E"),
	...kindsOf("unknown-application", "APPAP008E"),
	...kindsOf("denied", "APPAP306E", "APPAP132E", "APPAP133E", "APPAP087E"),
	...kindsOf("ambiguous", "APPAP227E", "APPAP228E", "APPAP229E", "APPAP230E", "APPAP251E"),
	...kindsOf("malformed", "AIMWS030E", "AIMWS031E", "APPAP081E", "CASVL010E"),
	...kindsOf("changing", "APPAP282E", "APPAP286E"),
	...kindsOf("outage", "APPAP007E", "APPBC007E", "APPAP289E", "APPAP291E", "APPAP292E", "APPAP297E", "APPAP096W"),
]);

function kindsOf(kind: ErrorKind, ...codes: readonly string[]): readonly (readonly [string, ErrorKind])[] {
	return codes.map((code) => [code, kind]);
}

/** What an answer that is no account means; undefined when it is not the web service's own. */
export function kindOf({
	status,
	body,
}: Pick<HttpAnswer, "status" | "body">): { readonly kind: ErrorKind; readonly code: string } | undefined {
	const code = status < 400 ? undefined : readErrorCode(body);
	if (code === undefined) return undefined;
	return { kind: status === 429 ? "outage" : (kinds.get(code) ?? kindOfStatus(status)), code };
}

function kindOfStatus(status: number): ErrorKind {
	if (status >= 500) return "outage";
	if (status === 404) return "absent";
	return status === 401 || status === 403 ? "denied" : "other";
}

/** An answer without an account, as an error whose code says whose fault it is. */
export function answerError(answer: Pick<HttpAnswer, "status" | "body">, read: FailedRead): ProviderError {
	const known = kindOf(answer);
	return known === undefined ? pageError(answer.status, read) : judge(known.kind, ` (${known.code})`, read);
}

function judge(kind: ErrorKind, said: string, { ref, instance, identity }: FailedRead): ProviderError {
	const who = `service account ${identity.namespace}/${identity.serviceAccount}`;
	const fail = (code: ProviderError["code"], message: string, remedy: string) =>
		new ProviderError(code, `${message}${said}.`, { stage: "read", remedy });
	switch (kind) {
		case "absent":
			return fail(
				"absent",
				`CyberArk has no ${withoutArticle(ref.shown)}, or does not let the application of ${who} have it`,
				"Check safe, folder and object, and that application and provider are members of the safe who may list and retrieve accounts: CyberArk answers alike to all of it.",
			);
		case "unknown-application":
			return fail(
				"denied",
				`CyberArk does not know the application of ${who}, which asked for ${ref.shown}`,
				`Define it in the vault, or correct its name in ${applicationPlace(instance)}.`,
			);
		case "denied":
			return fail(
				"denied",
				`CyberArk does not let the application of ${who} in, which asked for ${ref.shown}`,
				"Check the application's authentication in the vault: the serial number of the client certificate, and the allowed machines, which are the cluster's nodes or what stands before them.",
			);
		case "ambiguous":
			return fail(
				"invalid",
				`CyberArk has more than one account that fits ${ref.shown}`,
				"Add fields (safe, folder, object) until one is left.",
			);
		case "changing":
			return fail(
				"unreachable",
				`The password of ${ref.shown} is being changed`,
				"It is asked for again; with onPasswordChange: stale the old one is taken meanwhile.",
			);
		case "outage":
			return fail(
				"unreachable",
				`The Central Credential Provider could not give ${ref.shown}`,
				"It is asked again; see its own log, and whether it reaches the vault.",
			);
		default:
			return fail(
				"invalid",
				`CyberArk does not understand the request for ${ref.shown}`,
				"Check the fields for characters that CyberArk does not take, the query's form, and whether the vault wants a reason.",
			);
	}
}

function applicationPlace({ applications }: CyberArkInstance): string {
	return applications === undefined ? "the Secret that nodePublishSecretRef names (appId)" : "the store's applications";
}

/** An answer that is not the web service's: mostly a page of IIS, in front of it. It is nobody's word on a secret. */
function pageError(status: number, { ref, instance }: FailedRead): ProviderError {
	const server = serverName(instance.address);
	const fail = (code: ProviderError["code"], problem: string, remedy: string) =>
		new ProviderError(code, `${server} ${problem}, so it did not give ${ref.shown}.`, { stage: "read", remedy });
	switch (status) {
		case 401:
			return fail(
				"invalid",
				"wants Windows authentication (status 401)",
				"Write the web service that takes client certificates or allowed machines as the store's webService.",
			);
		case 403:
			return fail("unidentified", "does not take the client certificate, or misses one (status 403)", certificateRemedy(instance));
		case 404:
			return fail("invalid", `has no web service ${instance.webService} (status 404)`, "Correct the store's webService, or its address.");
		case 503:
			return fail(
				"unreachable",
				`does not run the web service ${instance.webService} now (status 503)`,
				"It is asked again; start its application pool in IIS.",
			);
		default:
			return fail(
				"unreachable",
				`gave no usable answer (status ${status})`,
				"Check that the address leads to the Central Credential Provider itself and not to another server or a proxy's page.",
			);
	}
}

function certificateRemedy({ applications }: CyberArkInstance): string {
	const place = applications === undefined ? "clientCertificate in the Secret" : "the store's clientCertificateFile";
	return `Check that ${place} comes from an authority that the web server trusts for clients and is not revoked; where it asks only after the request, set tlsMaxVersion: "1.2".`;
}

/** Alerts of TLS with which a server says what it thinks of the client's certificate. Source: RFC 8446, section 6.2. */
const certificateAlert = /alert[ _](?:bad[ _]certificate|unsupported[ _]certificate|certificate[ _]\w+|unknown[ _]ca|access[ _]denied)/i;

/** No answer at all: our transport says server, stage and fact. */
export function unanswered(error: ProviderError, { ref, instance }: FailedRead): ProviderError {
	if (error.code !== "unreachable") return error;
	const { cause } = error;
	const told = cause instanceof Error ? `${"code" in cause ? cause.code : ""} ${cause.message}` : "";
	if (certificateAlert.test(told)) {
		const problem = `${serverName(instance.address)} refuses the client certificate in the TLS handshake, so it did not give ${ref.shown}.`;
		return new ProviderError("unidentified", problem, { stage: "read", remedy: certificateRemedy(instance), cause });
	}
	// IIS does not always say why it ends a connection.
	const hint = told.includes("ECONNRESET")
		? `If it is up, it may not take the client certificate. ${certificateRemedy(instance)}`
		: undefined;
	const remedy = error.remedy ?? hint;
	return new ProviderError(error.code, `${ref.shown}: ${error.message}`, {
		stage: "read",
		...(remedy === undefined ? {} : { remedy }),
		cause,
	});
}

function withoutArticle(shown: string): string {
	return shown.replace(/^the /, "");
}
