/** RFC 1123 labels, as namespaces are called. */
export function isNamespace(text: string): boolean {
	return /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(text);
}

/** A subdomain of RFC 1123, as Secrets are called: labels with dots between them. */
export function isSecretName(text: string): boolean {
	return text.length <= 253 && /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/.test(text);
}
