import { type Fields, quote } from "../../plan/fields.ts";
import type { Ref } from "../store.ts";
import { encodeQuery, valueProblem } from "./query.ts";

/** One account, by what it is searched for. Source: CyberArk, "Call the Central Password Provider Web Service using REST". */
export interface AccountRef extends Ref {
	/** The search fields as sent, in a fixed order. */
	readonly criteria: readonly (readonly [name: string, value: string])[];
	/** How messages call the account, such as `object "pg" in safe "DB"`. */
	readonly shown: string;
}

/** The fields of an entry, with their names in the web service's query. */
const searchFields = {
	safe: "Safe",
	folder: "Folder",
	object: "Object",
	userName: "UserName",
	address: "Address",
	database: "Database",
	policyId: "PolicyID",
} as const;

type SearchField = keyof typeof searchFields;

const fieldNames = Object.keys(searchFields) as readonly SearchField[];
/** Leaves room for the application, the reason and the options in what IIS takes as a query. */
const longestCriteria = 800;
const secretRemedy =
	"Remove it: the application comes from the Secret that nodePublishSecretRef names (key appId), or from the administrator's list.";

/** Reads an entry of the native dialect: search fields, all of which must fit, or a free query. */
export function readRef(fields: Fields): AccountRef {
	if (fields.has("appId") && fields.node("appId") !== undefined) fields.reject("appId", "is not for a class to choose", secretRemedy);
	const query = fields.text("query");
	return query === undefined ? readSearch(fields) : readQuery(fields, query);
}

function readSearch(fields: Fields): AccountRef {
	if (fields.node("queryFormat") !== undefined) fields.reject("queryFormat", "stands without a query", "Remove it, or write `query`.");
	const values = new Map<SearchField, string>();
	for (const name of fieldNames) {
		const value = fields.text(name);
		if (value === undefined) continue;
		const problem = value === "" ? "is empty" : valueProblem(value);
		if (problem !== undefined) fields.reject(name, problem, "Correct it, or find the account by other fields.");
		values.set(name, value);
	}
	if (!fieldNames.some((name) => fields.has(name)))
		fields.faults.add(
			fields.path,
			"says nothing of the account",
			`Write safe and object, or others of ${fieldNames.join(", ")}; or query.`,
		);
	const criteria = [...values].map(([name, value]) => [searchFields[name], value] as const);
	return makeRef(fields, criteria, describe(values));
}

/** The web service passes over all other fields when it gets a query, so nobody can mean both. */
function readQuery(fields: Fields, query: string): AccountRef {
	for (const name of fieldNames)
		if (fields.node(name) !== undefined)
			fields.reject(name, "stands beside a query, which is all that counts then", "Write it into the query.");
	const format = fields.oneOf("queryFormat", ["exact", "regexp"], "exact");
	const problem = query.trim() === "" ? "is empty" : valueProblem(query, "query");
	if (problem !== undefined) fields.reject("query", problem, "Write it as Safe=DB;Object=pg-prod.");
	return makeRef(
		fields,
		[
			["Query", query],
			["QueryFormat", format === "regexp" ? "Regexp" : "Exact"],
		],
		`the account of the query ${quote(query)}`,
	);
}

function makeRef(fields: Fields, criteria: AccountRef["criteria"], shown: string): AccountRef {
	const sendable = criteria.map(([name, value]) => [name, value.toWellFormed()] as const);
	if (encodeQuery(sendable).length > longestCriteria)
		fields.faults.add(fields.path, `takes more than ${longestCriteria} bytes as a query`, "Name the account by fewer or shorter fields.");
	return { criteria, shown, key: JSON.stringify(criteria) };
}

function describe(values: ReadonlyMap<SearchField, string>): string {
	const object = values.get("object");
	const safe = values.get("safe");
	const others = fieldNames.filter((name) => name !== "object" && name !== "safe" && values.has(name));
	const thing = object === undefined ? "the account" : `object ${quote(object)}`;
	const place = safe === undefined ? "" : ` in safe ${quote(safe)}`;
	const rest = others.map((name) => `${name} ${quote(values.get(name) ?? "")}`).join(", ");
	return `${thing}${place}${rest === "" ? "" : ` with ${rest}`}`;
}
