/** A path as the API takes it. */
export interface SecretPath {
	/** Below `/v1`, starts with `/`, percent-encoded, with its query. */
	readonly path: string;
}

export interface SecretPathProblem {
	/** A clause. */
	readonly problem: string;
	readonly remedy: string;
}

const example = "Write it as secret/data/app.";

/**
 * Reads a secret's path: `/v1/x`, `v1/x`, `/x` and `x` are the same, and what follows a `?` is sent as
 * parameters. Every character goes to the server as itself; whatever could lead to another path than
 * the one that is read here (`..`, `#`, encoded slashes and dots) is refused.
 *
 * @param version a version of a KV v2 secret, added as the parameter `version`
 */
export function readSecretPath(text: string, version?: string): SecretPath | SecretPathProblem {
	if (text.length > 2048) return { problem: "is longer than 2048 characters", remedy: example };
	if (/\p{Cc}/u.test(text)) return { problem: "holds a control character", remedy: example };
	if (text.includes("#")) return { problem: "holds a #, which ends a URL's path", remedy: "Choose a name without it in the store." };
	const [path = "", ...rest] = text.split("?");
	const elements = withoutVersionPrefix(path)
		.split("/")
		.filter((element) => element !== "");
	if (elements.length === 0) return { problem: text === "" ? "is missing" : "names nothing", remedy: example };
	if (elements.some((element) => element === "." || element === ".."))
		return { problem: "has an element `.` or `..`", remedy: "Write the path without it." };
	if (/%(?:2[ef35]|5c|[01][0-9a-f]|7f)/i.test(path))
		return { problem: "holds an encoded slash, dot or other character with a meaning", remedy: "Write the characters themselves." };
	const query = new URLSearchParams(rest.join("?"));
	if (version !== undefined) query.set("version", version);
	const encoded = elements.map((element) => encodeURIComponent(element.toWellFormed())).join("/");
	return { path: query.size === 0 ? `/${encoded}` : `/${encoded}?${query}` };
}

function withoutVersionPrefix(path: string): string {
	return path.replace(/^\/?v1(?:\/|$)/, "");
}
