/** What a path of the API stands for, with its decoded parts. */
export interface Route {
	readonly operation:
		| "authenticate"
		| "authenticator.status"
		| "secrets.batch"
		| "secrets.get"
		| "secrets.values"
		| "resources.get"
		| "whoami"
		| "root";
	readonly parts: Readonly<Record<string, string | undefined>>;
}

interface Pattern {
	readonly operation: Route["operation"];
	readonly method: "GET" | "POST";
	/** Fits the path as it was sent, so that an encoded slash divides nothing. */
	readonly path: RegExp;
	readonly onlyInCloud?: boolean;
}

const patterns: readonly Pattern[] = [
	{
		operation: "authenticate",
		method: "POST",
		path: /^\/authn-jwt\/(?<service>[^/]+)\/(?<account>[^/]+)(?:\/(?<id>[^/]+))?\/authenticate$/,
	},
	{ operation: "authenticator.status", method: "GET", path: /^\/authn-jwt\/(?<service>[^/]+)\/(?<account>[^/]+)\/status$/ },
	{ operation: "secrets.values", method: "POST", path: /^\/secrets\/values\/?$/, onlyInCloud: true },
	{ operation: "secrets.batch", method: "GET", path: /^\/secrets\/?$/ },
	{ operation: "secrets.get", method: "GET", path: /^\/secrets\/(?<account>[^/]+)\/variable\/(?<id>.+)$/ },
	{ operation: "resources.get", method: "GET", path: /^\/resources\/(?<account>[^/]+)\/variable\/(?<id>.+)$/ },
	{ operation: "whoami", method: "GET", path: /^\/whoami\/?$/ },
	{ operation: "root", method: "GET", path: /^\/?$/ },
];

/** @returns undefined for what the API does not have @throws URIError for a path that cannot be decoded */
export function findRoute(method: string, path: string, isCloud: boolean): Route | undefined {
	for (const pattern of patterns) {
		if (pattern.method !== method || (pattern.onlyInCloud === true && !isCloud)) continue;
		const match = pattern.path.exec(path);
		if (match === null) continue;
		const entries = Object.entries(match.groups ?? {}).map(([name, text]) => [name, text === undefined ? text : decodeURIComponent(text)]);
		return { operation: pattern.operation, parts: Object.fromEntries(entries) };
	}
	return undefined;
}
