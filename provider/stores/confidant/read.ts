import { ProviderError } from "../../errors.ts";
import { type JsonObject, stringifyJson } from "../../shared/json.ts";
import { Secret } from "../../shared/secret.ts";
import { type Failed, type Outcome, outcomeOf } from "../store.ts";
import type { BlindOpener } from "./blind.ts";
import { absentCredential, ambiguousName, disabledCredential, type ServiceCall } from "./failures.ts";
import type { ConfidantRef } from "./ref.ts";
import type { Credential, Service } from "./service.ts";

/** A service that has been read, and what opens its blind credentials. */
export interface ReadParts {
	readonly service: Service;
	readonly call: ServiceCall;
	readonly opener: BlindOpener;
}

/** What the service says of one credential: its pairs as JSON. Only the signal's reason is thrown. */
export async function readCredential(ref: ConfidantRef, parts: ReadParts, signal: AbortSignal): Promise<Outcome | Failed> {
	try {
		const credential = findCredential(ref, parts);
		const pairs = credential.kind === "blind" ? await parts.opener.open(credential, signal) : credential.pairs;
		return { kind: "found", value: new Secret(textOf(pairs)), structure: "json" };
	} catch (reason) {
		signal.throwIfAborted();
		return outcomeOf(ProviderError.from(reason));
	}
}

/**
 * An id names one credential. A name may be that of several; then the only one that is enabled is meant, so that a
 * successor can be made before its predecessor is unmapped.
 */
function findCredential({ credential: wanted }: ConfidantRef, { service, call }: ReadParts): Credential {
	const { credentials } = service;
	const byId = credentials.find(({ id }) => id === wanted);
	const named = byId === undefined ? credentials.filter(({ name }) => name === wanted) : [byId];
	const enabled = named.filter((credential) => credential.enabled);
	if (enabled.length > 1) throw ambiguousName(call, enabled);
	const [credential] = enabled;
	if (credential !== undefined) return credential;
	const [disabled] = named;
	throw disabled === undefined ? absentCredential(call, wanted) : disabledCredential(call, disabled);
}

/** The server promises no order of the pairs, and another order must not look like another value. */
function textOf(pairs: JsonObject): string {
	const sorted = Object.entries(pairs).sort(([one], [other]) => (one < other ? -1 : 1));
	return stringifyJson(Object.fromEntries(sorted));
}
