import { ProviderError } from "../errors.ts";

/** Which secret. */
export interface SecretAddress {
	readonly namespace: string;
	readonly name: string;
}

/** `shop/db (namespace web)`, for messages and the audit. */
export function describeAddress(address: SecretAddress): string {
	return `${address.name} (namespace ${address.namespace})`;
}

const namePattern = /^[\p{L}\p{N}][\p{L}\p{N}\p{M}._/-]{0,252}$/u;

/**
 * Why a text is no secret name, as a clause, or undefined when it is one: letters and digits of any
 * script, `.`, `_`, `-`, and `/` between elements, up to 253 characters.
 */
export function nameProblem(name: string): string | undefined {
	if (name === "") return "is empty";
	if (name !== name.normalize("NFC")) return "is not in Unicode normal form C, so another name could look the same";
	if (!namePattern.test(name))
		return "is not a secret name (letters, digits, `.`, `_`, `-`, `/`; at most 253; starts with a letter or digit)";
	if (name.split("/").some((element) => element === "" || element === "." || element === ".."))
		return "has an empty element, `.` or `..` between slashes";
	return undefined;
}

/** Why a text is no Kubernetes namespace, as a clause, or undefined when it is one (RFC 1123 label). */
export function namespaceProblem(namespace: string): string | undefined {
	return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(namespace) ? undefined : "is not a Kubernetes namespace";
}

/** Why a text is no service account of a binding, as a clause: an exact name (RFC 1123 subdomain) or `*`. */
export function serviceAccountProblem(serviceAccount: string): string | undefined {
	if (serviceAccount === "*") return undefined;
	const isName = serviceAccount.length <= 253 && /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(serviceAccount);
	return isName ? undefined : "is neither a service account name nor `*`";
}

/** Why a text is no pattern of a binding, as a clause: an exact secret name, a prefix `shop/*`, or `*`. */
export function patternProblem(pattern: string): string | undefined {
	if (pattern === "*") return undefined;
	return nameProblem(pattern.endsWith("/*") ? pattern.slice(0, -2) : pattern);
}

/** Whether a binding's pattern covers a secret name. */
export function patternCovers(pattern: string, name: string): boolean {
	if (pattern === "*") return true;
	return pattern.endsWith("/*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** @throws ProviderError `invalid` when namespace or name is malformed */
export function checkAddress(address: SecretAddress): void {
	reject("The namespace", address.namespace, namespaceProblem(address.namespace));
	reject("The secret name", address.name, nameProblem(address.name));
}

/** @throws ProviderError `invalid` when there is a problem */
export function reject(what: string, text: string, problem: string | undefined): void {
	if (problem === undefined) return;
	const shown = text.length > 80 ? `${text.slice(0, 77)}…` : text;
	throw new ProviderError("invalid", `${what} ${JSON.stringify(shown)} ${problem}.`);
}
