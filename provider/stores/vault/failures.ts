import { ProviderError, type ProviderErrorOptions } from "../../errors.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import type { Secret } from "../../shared/secret.ts";
import { serverTexts } from "./envelope.ts";
import type { VaultInstance } from "./instance.ts";

/** A request that the server answered with something else than success. */
export interface FailedCall {
	readonly stage: "login" | "read";
	readonly method: string;
	/** The whole URL. */
	readonly url: string;
	/** What was asked for, as a clause's subject: `secret/data/app`, `the login`. */
	readonly subject: string;
	readonly answer: HttpAnswer;
	/** What the request carried and no text may repeat. */
	readonly confidential: readonly Secret[];
}

const foreignRemedy = "Check that the address leads to Vault itself and not to another server or a proxy's page.";
const loginRemedy =
	"Check the role, the auth mount and the namespace, and that the role is bound to this service account, namespace and audience.";
const readRemedy =
	"Give the role's policy the right to read this path, and check that the path and its mount exist, since Vault denies both alike; a secret of KV version 2 lies below data/.";

/** The failure as an error whose code says whose fault it is, and which knows the words of today's providers. */
export function callError(instance: VaultInstance, call: FailedCall): ProviderError {
	const texts = serverTexts(call.answer, call.confidential);
	const said = texts?.[0] === undefined ? "" : `, ${JSON.stringify(texts[0].replace(/\s+/g, " ").trim())}`;
	const options = { stage: call.stage, legacyText: apiErrorText(instance, call, texts) };
	return judge(call, `${call.subject} (status ${call.answer.status}${said})`, texts !== undefined, options);
}

function judge(call: FailedCall, what: string, isVaults: boolean, options: ProviderErrorOptions): ProviderError {
	const { status } = call.answer;
	if (status === 429) return new ProviderError("unreachable", `Vault limits the rate of requests: it did not serve ${what}.`, options);
	if (status === 412 || status >= 500) return new ProviderError("unreachable", `Vault could not serve ${what}.`, options);
	// A page of something in between is nobody's word that a secret is gone or a pod may not have it.
	if (!isVaults) return new ProviderError("unreachable", `Vault gave no usable answer to ${what}.`, { ...options, remedy: foreignRemedy });
	if (call.stage === "login") return new ProviderError("denied", `Vault refused ${what}.`, { ...options, remedy: loginRemedy });
	if (status === 404)
		return new ProviderError("absent", `Vault has nothing at ${what}.`, { ...options, remedy: "Check the path, or write the secret." });
	if (status === 401 || status === 403) return new ProviderError("denied", `Vault denied ${what}.`, { ...options, remedy: readRemedy });
	return new ProviderError("invalid", `Vault does not understand the request for ${what}.`, {
		...options,
		remedy: "Check the path, the method and the arguments.",
	});
}

/** The text of an API error in today's providers (their client library's `ResponseError`). Bodies that are no JSON are not repeated. */
function apiErrorText(instance: VaultInstance, call: FailedCall, texts: readonly string[] | undefined): string {
	const namespace = instance.namespace === "" ? "" : `Namespace: ${instance.namespace}\n`;
	const lines = texts === undefined ? "Raw Message:\n\n* (not shown)" : `Errors:\n\n${texts.map((text) => `* ${text}`).join("\n")}`;
	return `Error making API request.\n\n${namespace}URL: ${call.method} ${call.url}\nCode: ${call.answer.status}. ${lines}`;
}

/** The answer claims success and is not what Vault answers: a proxy's page, a cut body. An outage, never an absence. */
export function nonsenseError(stage: "login" | "read", subject: string, what: string): ProviderError {
	return new ProviderError("unreachable", `Vault gave no usable answer to ${subject}: ${what}.`, {
		stage,
		remedy: foreignRemedy,
	});
}

/** The same error, said to have come up at a stage; what is thrown below knows nothing of stages. */
export function atStage(error: unknown, stage: "login" | "read"): ProviderError {
	const known = ProviderError.from(error);
	if (known.code !== "unreachable" || known.stage !== undefined) return known;
	const remedy = known.remedy === undefined ? {} : { remedy: known.remedy };
	return new ProviderError(known.code, known.message, { ...remedy, stage, cause: known.cause });
}
