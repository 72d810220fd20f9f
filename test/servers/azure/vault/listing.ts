import { type Refusal, vaultRefusal } from "../refusal.ts";
import type { AzureRequest, Reply } from "../request.ts";

const mostPerPage = 25;

/**
 * One page of a list (`maxresults`, `$skiptoken`), with the address of the next one in `nextLink`.
 *
 * @param pageSize at most this many, whatever is asked for
 * @throws Refusal for a number or a token that the service does not give
 */
export function answerPage(request: AzureRequest, items: readonly object[], pageSize: number): Reply {
	const { query } = request;
	const wanted = query.get("maxresults");
	const most = wanted === null ? mostPerPage : Number(wanted);
	if (!Number.isInteger(most) || most < 1 || most > mostPerPage)
		throw badParameter(`maxresults must be between 1 and ${mostPerPage}, and is ${wanted}.`);
	const start = readToken(query.get("$skiptoken"), items.length);
	const end = start + Math.min(most, pageSize);
	const nextLink = end < items.length ? nextPage(request, end) : null;
	return { status: 200, body: { value: items.slice(start, end), nextLink } };
}

function nextPage({ headers, path, query }: AzureRequest, start: number): string {
	const next = new URLSearchParams(query);
	next.delete("$skiptoken");
	const token = Buffer.from(`next:${start}`).toString("base64url");
	return `https://${headers.host}/${path.map(encodeURIComponent).join("/")}?${next}&$skiptoken=${token}`;
}

function readToken(token: string | null, length: number): number {
	if (token === null) return 0;
	const start = Number(/^next:(\d+)$/.exec(Buffer.from(token, "base64url").toString())?.[1] ?? Number.NaN);
	if (start < length) return start;
	throw badParameter("The skip token is not valid.");
}

function badParameter(message: string): Refusal {
	return vaultRefusal(400, "BadParameter", message);
}
