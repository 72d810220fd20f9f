import type { Secret } from "../../shared/secret.ts";
import type { Identity } from "../store.ts";
import type { ConjurInstance } from "./instance.ts";

const longestText = 300;

/**
 * What the server said, fit to be shown: without anything that was sent in confidence or looks like a token, short, and on
 * one line.
 *
 * @param confidential what the call carried
 */
export function showable(text: string, confidential: readonly Secret[]): string {
	let shown = text;
	for (const secret of confidential) {
		if (secret.length > 0) shown = shown.replaceAll(secret.reveal().toString("latin1"), "[redacted]");
	}
	shown = shown.replace(/\beyJ[\w-]*(?:\.[\w-]*){0,4}|[A-Za-z0-9+/=_-]{200,}/g, "[redacted]");
	shown = shown
		.replace(/\s+/g, " ")
		.replace(/\p{Cc}/gu, "�")
		.trim();
	return shown.length > longestText ? `${shown.slice(0, longestText)}…` : shown;
}

/** How Conjur's policies call the authenticator. */
export function webserviceOf({ service }: Pick<ConjurInstance, "service">): string {
	return `conjur/authn-jwt/${service}`;
}

/** Who the server sees, and whose it is. */
export function describeIdentity({ role, namespace, serviceAccount }: Pick<Identity, "role" | "namespace" | "serviceAccount">): string {
	const account = `service account ${namespace}/${serviceAccount}`;
	return role === "" ? account : `${JSON.stringify(role)} for ${account}`;
}
