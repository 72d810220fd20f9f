/**
 * Characters that the web service's documentation excludes from values, encoded or not, and those that no name has. A
 * blank and a plus sign pass when they are encoded.
 */
const forbidden = /[&%;]|\p{Cc}/u;
/** The same for a free query, whose criteria semicolons part. */
const forbiddenInQuery = /[&%]|\p{Cc}/u;

/** Why a value cannot be sent, as a clause, or undefined when it can. */
export function valueProblem(text: string, kind: "value" | "query" = "value"): string | undefined {
	const found = (kind === "query" ? forbiddenInQuery : forbidden).exec(text)?.[0];
	if (found !== undefined)
		return `holds ${/\p{Cc}/u.test(found) ? "a control character" : JSON.stringify(found)}, which CyberArk does not take`;
	return text.isWellFormed() ? undefined : "holds half of a surrogate pair";
}

/**
 * A query of names and values, percent-encoded as RFC 3986 has it: a blank is `%20` and a plus sign `%2B`, because the
 * server reads a bare plus sign as a blank. Without the question mark.
 */
export function encodeQuery(parameters: readonly (readonly [name: string, value: string])[]): string {
	return parameters.map(([name, value]) => `${name}=${encodeValue(value)}`).join("&");
}

export function encodeValue(text: string): string {
	return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
