import { ProviderError, type ProviderErrorOptions } from "../../errors.ts";
import type { HttpAnswer } from "../../net/exchange.ts";
import { quote } from "../../plan/fields.ts";
import type { Secret } from "../../shared/secret.ts";
import type { Identity } from "../store.ts";
import { explanationOf, isConjurs } from "./answers.ts";
import type { ConjurClient } from "./client.ts";
import type { ConjurInstance } from "./instance.ts";
import { answerText, connectionText } from "./legacy-texts.ts";
import { describeIdentity, showable, webserviceOf } from "./words.ts";

/** What all failures of one identity's calls have in common. */
export interface FailedCall {
	readonly instance: ConjurInstance;
	readonly identity: Identity;
	/** What no text may repeat. */
	readonly confidential: readonly Secret[];
}

const foreignRemedy = "Check that the address leads to Conjur itself and not to another server or a proxy's page.";

/** What the server says to the login. It mostly explains nothing, so that nobody learns which hosts there are. */
export function loginError(answer: HttpAnswer, call: FailedCall): ProviderError {
	const { instance, identity, confidential } = call;
	const explanation = explanationOf(answer);
	const said = explanation === undefined ? undefined : showable(explanation, confidential);
	const what = `the login of ${describeIdentity(identity)} at authn-jwt/${instance.service} (${told(answer.status, said)})`;
	const options = { stage: "login", legacyText: answerText(answer.status, said) } as const;
	if (answer.status === 429 || answer.status >= 500)
		return new ProviderError("unreachable", `Conjur could not serve ${what}.`, { ...options, remedy: "It is tried again." });
	if (!isConjurs(answer) || (answer.status === 404 && said === undefined)) return nonsense(what, options);
	if (answer.status === 401) return unidentified(what, said, call, options);
	if (answer.status === 403) {
		return new ProviderError("denied", `Conjur refused ${what}: it knows the host, which may not use the authenticator.`, {
			...options,
			remedy: `Permit it in Conjur's policy: the privilege authenticate on the webservice ${webserviceOf(instance)}.`,
		});
	}
	return new ProviderError("invalid", `Conjur does not understand ${what}.`, {
		...options,
		remedy: "Check the account, the service id of the authenticator, and the identity.",
	});
}

/**
 * A login that is refused without a word may have its cause with the server, which for example cannot get the cluster's
 * keys. It is nobody's word that rights are withdrawn, so running pods keep their files.
 */
function unidentified(
	what: string,
	said: string | undefined,
	{ instance, identity }: FailedCall,
	options: ProviderErrorOptions,
): ProviderError {
	const { service } = instance;
	if (said !== undefined) {
		const remedy = "Check the clocks of both sides, and what the server's log says.";
		return new ProviderError("unidentified", `Conjur does not accept ${what}.`, { ...options, remedy });
	}
	const identityHint =
		identity.role === ""
			? "no identity is written here, so the authenticator needs its variable token-app-property"
			: `the identity ${quote(identity.role)} is written here, so the authenticator must have no variable token-app-property, and a host begins with host/`;
	return new ProviderError("unidentified", `Conjur refuses ${what} and does not say why.`, {
		...options,
		remedy: [
			`The server's log names the cause. Mostly it is one of these: (1) the authenticator is not enabled: authn-jwt/${service} must be in CONJUR_AUTHENTICATORS;`,
			`(2) its variables issuer or audience differ from the token's, whose audience is ${quote(identity.audience)}, or the server cannot fetch the cluster's keys;`,
			`(3) the host does not exist, or one of its annotations authn-jwt/${service}/… differs from the token's claim (${identity.namespace}/${identity.serviceAccount});`,
			`(4) ${identityHint}.`,
		].join(" "),
	});
}

/** What the server says when it is asked for one variable. */
export function readError(answer: HttpAnswer, full: string, call: FailedCall): ProviderError {
	const explanation = explanationOf(answer);
	const said = explanation === undefined ? undefined : showable(explanation, call.confidential);
	const options = { stage: "read", legacyText: answerText(answer.status, said) } as const;
	const what = `${quote(full)} (${told(answer.status, said)})`;
	if (answer.status === 401) return endedLogin(what, options);
	if (answer.status === 429 || answer.status >= 500)
		return new ProviderError("unreachable", `Conjur could not give ${what}.`, { ...options, remedy: "It is asked again." });
	if (answer.status === 404 && said !== undefined) return absent(what, options);
	if (answer.status === 403 && isConjurs(answer)) return denied(what, full, call, options);
	if (!isConjurs(answer) || answer.status === 404) return nonsense(what, options);
	return new ProviderError("invalid", `Conjur does not understand the request for ${what}.`, {
		...options,
		remedy: "Check the variable's id and version.",
	});
}

/** What Conjur Cloud's batch says of one variable; undefined for what another way of asking may find out. */
export function valueError(status: number, full: string, call: FailedCall): ProviderError | undefined {
	const options = { stage: "read", legacyText: answerText(status, undefined) } as const;
	const what = `${quote(full)} (${told(status, undefined)})`;
	if (status === 404 || status === 204) return absent(what, options);
	return status === 403 ? denied(what, full, call, options) : undefined;
}

function absent(what: string, options: ProviderErrorOptions): ProviderError {
	return new ProviderError("absent", `Conjur has no value of ${what}.`, {
		...options,
		remedy: "Check the variable's id, and set its value: a variable without one counts as missing.",
	});
}

function denied(what: string, full: string, { identity }: FailedCall, options: ProviderErrorOptions): ProviderError {
	const [, , ...id] = full.split(":");
	return new ProviderError("denied", `Conjur denies ${what} to ${describeIdentity(identity)}.`, {
		...options,
		remedy: `Permit it in Conjur's policy: the privilege execute on the variable ${id.join(":")}.`,
	});
}

function endedLogin(what: string, options: ProviderErrorOptions): ProviderError {
	return new ProviderError("unreachable", `Conjur does not accept the access token that it gave: it did not give ${what}.`, {
		...options,
		remedy: "The next attempt logs in anew; check the clocks of Conjur's servers if it lasts.",
	});
}

/** The answer is not what Conjur answers: an outage, never an absence. */
export function nonsense(what: string, options: ProviderErrorOptions = { stage: "read" }): ProviderError {
	return new ProviderError("unreachable", `Conjur gave no usable answer to ${what}.`, { ...options, remedy: foreignRemedy });
}

/** No answer at all: our transport says server, stage and fact. */
export function unanswered(
	error: unknown,
	stage: "login" | "read",
	sent: { readonly client: ConjurClient; readonly instance: ConjurInstance; readonly method: "GET" | "POST"; readonly path: string },
): ProviderError {
	const known = ProviderError.from(error);
	if (known.code !== "unreachable") return known;
	const { client, instance, method, path } = sent;
	return new ProviderError("unreachable", known.message, {
		stage,
		...(known.remedy === undefined ? {} : { remedy: known.remedy }),
		legacyText: connectionText(method, client.url(path), instance.address, known),
		cause: known.cause,
	});
}

function told(status: number, said: string | undefined): string {
	return said === undefined ? `status ${status}` : `status ${status}: ${JSON.stringify(said)}`;
}
