import { badQuery } from "./answers.ts";
import { type Account, folderOf } from "./vault.ts";

/** Criteria by the name that queries and parameters have for them, in lower case. */
const readers: Readonly<Record<string, (account: Account) => string>> = {
	safe: ({ safe }) => safe,
	folder: folderOf,
	object: ({ name }) => name,
	username: ({ userName = "" }) => userName,
	address: ({ address = "" }) => address,
	database: ({ database = "" }) => database,
	policyid: ({ policyId = "" }) => policyId,
};

export const criteriaNames: readonly string[] = Object.keys(readers);

/** What an account must be like to be the one that is asked for. */
export interface Criteria {
	/** As error messages tell it: `Safe=DB;Folder=Root;Object=pg`. */
	readonly text: string;
	fits(account: Account): boolean;
}

/** @param parameters by their names in lower case @throws Refusal */
export function readCriteria(parameters: ReadonlyMap<string, string>): Criteria {
	const query = parameters.get("query");
	const given = query === undefined ? fieldsOf(parameters) : parseQuery(query);
	if (given.size === 0) throw badQuery("No search criteria were given.");
	const format = (parameters.get("queryformat") ?? "exact").toLowerCase();
	if (format !== "exact" && format !== "regexp") throw badQuery("QueryFormat must be Exact or Regexp.");
	const tests = Array.from(given, ([name, value]) => testOf(name, value, query !== undefined && format === "regexp"));
	if (!given.has("folder")) tests.push(testOf("folder", "Root", false));
	const text = Array.from(given, ([name, value]) => `${name}=${value}`).join(";");
	return { text, fits: (account) => tests.every((test) => test(account)) };
}

function fieldsOf(parameters: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
	return new Map(criteriaNames.flatMap((name) => (parameters.has(name) ? [[name, parameters.get(name) ?? ""] as const] : [])));
}

function parseQuery(text: string): ReadonlyMap<string, string> {
	const pairs = text
		.split(";")
		.filter((part) => part.trim() !== "")
		.map((part) => /^\s*(\w+)=(.*)$/s.exec(part) ?? [])
		.map(([, name = "", value = ""]) => [name.toLowerCase(), value] as const);
	for (const [name] of pairs) if (!criteriaNames.includes(name)) throw badQuery("A criterion is unknown.");
	if (new Set(pairs.map(([name]) => name)).size < pairs.length) throw badQuery("A criterion was given twice.");
	return new Map(pairs);
}

function testOf(name: string, value: string, isPattern: boolean): (account: Account) => boolean {
	const read = readers[name] ?? (() => "");
	if (!isPattern) return (account) => read(account).toLowerCase() === value.toLowerCase();
	const pattern = patternOf(value);
	return (account) => pattern.test(read(account));
}

function patternOf(text: string): RegExp {
	try {
		return new RegExp(text, "i");
	} catch {
		throw badQuery("A regular expression cannot be read.");
	}
}
