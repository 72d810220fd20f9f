import { badQuery, CcpRefusal, page } from "./answers.ts";
import { criteriaNames } from "./criteria.ts";

const others = ["appid", "query", "queryformat", "reason", "connectiontimeout", "failrequestonpasswordchange"];
const known: ReadonlySet<string> = new Set([...criteriaNames, ...others]);

/** Characters that the documentation excludes from values; a query parts its criteria with semicolons. */
const forbidden = /[&%;]|\p{Cc}/u;
const forbiddenInQuery = /[&%]|\p{Cc}/u;

/**
 * The parameters of a request by their names in lower case. A plus sign is a blank unless it is encoded; what is empty counts
 * as not given.
 *
 * @throws Refusal
 */
export function readParameters(query: string): ReadonlyMap<string, string> {
	const parameters = new Map<string, string>();
	for (const pair of query.split("&").filter((part) => part !== "")) {
		const [name, value] = decode(pair);
		if (!known.has(name)) throw badQuery("A parameter is unknown.");
		if (parameters.has(name)) throw badQuery("A parameter was given twice.");
		if ((name === "query" ? forbiddenInQuery : forbidden).test(value))
			throw new CcpRefusal(400, "APPAP081E", "Request message content is invalid. A value holds a character that is not allowed.");
		if (value !== "") parameters.set(name, value);
	}
	return parameters;
}

function decode(pair: string): readonly [name: string, value: string] {
	const [name = "", ...rest] = pair.split("=");
	try {
		return [decodeURIComponent(name).toLowerCase(), decodeURIComponent(rest.join("=").replaceAll("+", " "))];
	} catch {
		throw page(400, "Bad Request");
	}
}

/** @throws Refusal */
export function readTimeout(parameters: ReadonlyMap<string, string>): number {
	const text = parameters.get("connectiontimeout") ?? "30";
	if (!/^[1-9]\d{0,5}$/.test(text)) throw badQuery("ConnectionTimeout must be a number of seconds.");
	return Number(text) * 1000;
}

/** @throws Refusal */
export function readFlag(parameters: ReadonlyMap<string, string>, name: string): boolean {
	const text = (parameters.get(name) ?? "false").toLowerCase();
	if (text !== "true" && text !== "false") throw badQuery(`${name} must be true or false.`);
	return text === "true";
}
