/** A kind of credential that is known by its looks. */
interface SecretPattern {
	readonly kind: string;
	readonly pattern: RegExp;
}

const privateKey =
	/-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[^-]{0,20000}(?:-(?!----END)[^-]{0,20000}){0,20}-----END [A-Z ]{0,30}PRIVATE KEY-----|(?:(?:\s|\\[nrt]){0,200}[A-Za-z0-9+/=]{16,}){0,2000})/g;

/** The forms are the issuers' own: prefixes that were made so that leaked credentials are found. */
const patterns: readonly SecretPattern[] = [
	{ kind: "a private key", pattern: privateKey },
	{ kind: "a Vault token", pattern: /\bhv[sbr]\.[A-Za-z0-9_-]{6,}|\b[sb]\.[A-Za-z0-9]{24}\b/g },
	{ kind: "an AWS access key", pattern: /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g },
	{ kind: "an Azure client secret", pattern: /\b[A-Za-z0-9_~.-]{3}8Q~[A-Za-z0-9_~.-]{31,34}/g },
	{ kind: "a Google API key", pattern: /\bAIza[A-Za-z0-9_-]{35}/g },
	{ kind: "a token (JWT)", pattern: /\beyJ[A-Za-z0-9_-]{8,500}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?/g },
	{ kind: "a GitHub token", pattern: /\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})/g },
	{ kind: "a GitLab token", pattern: /\bglpat-[A-Za-z0-9_-]{20,}/g },
	{ kind: "a Slack token", pattern: /\bxox[abeprs]-[A-Za-z0-9-]{10,}/g },
	{ kind: "a Stripe key", pattern: /\b[rs]k_live_[A-Za-z0-9]{16,}/g },
	{ kind: "a password in an address", pattern: /(?<=:\/\/[^\s/@:"']{1,100}:)[^\s/@"'{}]{1,200}(?=@)/g },
];

/** Where a text holds what looks like a credential, in order. */
export function findSecrets(text: string): readonly { readonly kind: string; readonly index: number; readonly length: number }[] {
	return patterns
		.flatMap(({ kind, pattern }) => [...text.matchAll(pattern)].map((match) => ({ kind, index: match.index, length: match[0].length })))
		.sort((left, right) => left.index - right.index);
}

/**
 * The text with an `x` for each visible character of what looks like a credential. Everything that goes into
 * messages is read from such a text: lines, columns and indentation stay, and no message can give away what is
 * not there.
 */
export function maskSecrets(text: string): string {
	let masked = text;
	for (const { pattern } of patterns) masked = masked.replace(pattern, (secret) => secret.replace(/\S/g, "x"));
	return masked;
}

const secretNames =
	/(?:^|[._-]|(?<=[a-z]))(?:password|passwd|passphrase|secret[_-]?access[_-]?key|client[_-]?secret|api[_-]?key|(?:access|auth|bearer|session|vault|bao)[_-]?token|secret[_-]?id|private[_-]?key)$/i;

/** Whether a name says that its value is a credential, and the value is one and not where to find it. */
export function isSecretByName(name: string, value: string): boolean {
	if (!secretNames.test(name) && !/^token$/i.test(name)) return false;
	return value.trim() !== "" && !/^(?:\/|\$|\{\{|(?:true|false|null|~)$)/.test(value.trim());
}
