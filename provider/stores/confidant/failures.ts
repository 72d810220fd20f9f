import { showable } from "../../aws/words.ts";
import { ProviderError } from "../../errors.ts";
import { quote } from "../../plan/fields.ts";
import { jsonMember, parseJsonObject } from "../../shared/json.ts";
import type { Secret } from "../../shared/secret.ts";
import type { ConfidantInstance } from "./instance.ts";
import { describePairs } from "./key-failures.ts";
import { contextOf, userOf } from "./kmsauth.ts";
import { credentialTitle, serverTitle } from "./names.ts";
import type { Credential } from "./service.ts";

/** One read of a service. */
export interface ServiceCall {
	readonly instance: ConfidantInstance;
	/** The service that is read. */
	readonly service: string;
	/** The service that the pod proves to be. */
	readonly from: string;
	/** What no text may repeat. */
	readonly confidential: readonly Secret[];
}

/** Whether an answer says that the token proves nothing: the server's own pages for that are HTML, its refusals of rights JSON. */
export function refusesToken({ status, body }: { readonly status: number; readonly body: Buffer }): boolean {
	return (status === 401 || status === 403) && toldIn(body) === undefined;
}

/**
 * What an answer other than 200 means. That a token proves nothing is no word on the pod's rights: `unidentified`, and
 * what pods hold stays.
 */
export function answerError(answer: { readonly status: number; readonly body: Buffer }, call: ServiceCall): ProviderError {
	const { status, body } = answer;
	const where = serverTitle(call.instance);
	const service = quote(call.service);
	const said = saying(status, toldIn(body), call.confidential);
	if (refusesToken(answer)) return refusedToken(status, call);
	if (isDenial(answer)) {
		return failure("denied", `${where} denies the service ${service} to ${quote(call.from)}${said}.`, deniedRemedy(call));
	}
	if (status === 404 && isEmptyObject(body)) {
		const remedy = "Make the service, or correct `service`: it is the name of the pod's role unless written otherwise.";
		return failure("absent", `${where} has no service ${service}.`, remedy);
	}
	if (status >= 500) {
		const remedy = "It is asked again. See the server's log; it must be able to use its own KMS keys and its table.";
		return failure("unreachable", `${where} could not give the service ${service}${said}.`, remedy);
	}
	return nonsense(call, `status ${status}`);
}

/** The answer holds nothing of what was asked for: an outage, never an absence. */
export function nonsense({ instance, service }: ServiceCall, what: string): ProviderError {
	const message = `${serverTitle(instance)} gave no usable answer to the request for the service ${quote(service)} (${what}).`;
	return failure("unreachable", message, "Check that the address leads to Confidant itself and not to a proxy's page.");
}

export function disabledService({ instance, service }: ServiceCall): ProviderError {
	const message = `The service ${quote(service)} is disabled in ${serverTitle(instance)}, so nobody gets its credentials.`;
	return failure("denied", message, "Enable the service if that was not meant.");
}

export function disabledCredential({ instance }: ServiceCall, credential: Credential): ProviderError {
	const message = `The credential ${credentialTitle(credential)} is disabled in ${serverTitle(instance)}, so nobody gets it.`;
	return failure("denied", message, "Enable it, or name another one.");
}

export function absentCredential({ instance, service }: ServiceCall, credential: string): ProviderError {
	const message = `The service ${quote(service)} in ${serverTitle(instance)} has no credential ${quote(credential)}.`;
	return failure("absent", message, "Map the credential to the service, or correct its name or id.");
}

export function ambiguousName({ service }: ServiceCall, credentials: readonly Credential[]): ProviderError {
	const [first] = credentials;
	const ids = credentials.map(({ id, kind }) => (kind === "blind" ? `${id} (blind)` : id)).sort();
	const message = `The service ${quote(service)} has ${ids.length} credentials named ${quote(first?.name ?? "")}: ${ids.join(", ")}.`;
	return failure("invalid", message, "Write the id of the one that is meant.");
}

function refusedToken(status: number, { instance, from }: ServiceCall): ProviderError {
	const context = describePairs(contextOf(instance, from));
	const message = `${serverTitle(instance)} does not accept the token of ${quote(userOf(instance, from))}, made with ${instance.authKey} and the context ${context} (status ${status}).`;
	const compare = "to with AUTH_CONTEXT, authKey with AUTH_KEY and SCOPED_AUTH_KEYS, tokenVersion with KMS_MAXIMUM_TOKEN_VERSION";
	const remedy = `Compare with the server's settings: ${compare}, tokenLifetime with AUTH_TOKEN_MAX_LIFETIME; and both clocks.`;
	return new ProviderError("unidentified", message, { remedy, stage: "login" });
}

function deniedRemedy({ instance, service, from }: ServiceCall): string {
	if (service !== from) return "By its default ACL a service may read itself alone: leave out `service`, or change the server's ACL.";
	return `Check the server's ACL, and the service's account: one with an account wants tokens of that account's key, and authKey is ${instance.authKey}.`;
}

/** Its words for a service whose account is another than its token's. */
const foreignAccount = "Authenticated user is not authorized.";

/**
 * Whether the server itself refuses rights, and not a gateway before it, which may answer in JSON too: its refusals have a
 * reference, but for the one that has words of its own. Source: Confidant 7.0.0.
 */
function isDenial({ status, body }: { readonly status: number; readonly body: Buffer }): boolean {
	const answer = parseJsonObject(body);
	if (answer === undefined || toldIn(body) === undefined) return false;
	if (Object.keys(answer).some((key) => key !== "error" && key !== "reference")) return false;
	return status === 403 ? jsonMember(answer, "reference") !== undefined : status === 401 && toldIn(body) === foreignAccount;
}

/** How the server answers for a service that it has not. A gateway without a way to it mostly says more. */
function isEmptyObject(body: Buffer): boolean {
	const answer = parseJsonObject(body);
	return answer !== undefined && Object.keys(answer).length === 0;
}

/** What the server says of an error, which is a text inside of a JSON object. */
function toldIn(body: Buffer): string | undefined {
	const answer = parseJsonObject(body);
	const told = answer === undefined ? undefined : jsonMember(answer, "error");
	return typeof told === "string" ? told : undefined;
}

function saying(status: number, told: string | undefined, confidential: readonly Secret[]): string {
	const text = told === undefined ? "" : showable(told, confidential);
	return ` (status ${status}${text === "" ? "" : `: ${JSON.stringify(text)}`})`;
}

function failure(code: "absent" | "denied" | "invalid" | "unreachable", message: string, remedy: string): ProviderError {
	return new ProviderError(code, message, { remedy, stage: "read" });
}
