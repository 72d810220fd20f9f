import type { ExecutionContext } from "ava";
import { makePod } from "../../support/pods.ts";
import { type Conjur, type ConjurOptions, startConjur } from "./conjur.ts";
import { ask, type PlainAnswer, type PlainRequest } from "./requests.ts";
import { hostOf, letIn } from "./site.ts";

const web = makePod();
/** The host that all that is here was made for. */
export const host = hostOf(web);
/** No UTF-8, and more than one line of base64. */
export const binary = Buffer.from([0xff, 0, 0xfe, ...Array.from({ length: 100 }, (_, index) => index)]);
const readable = ["db/user", "db/password", "a b+c?d%/e", "binary", "valueless", "data/dynamic/x"];

/** A server with values that the host may read, one that it may only see, and one that it may not see. */
export async function openStocked(t: ExecutionContext<unknown>, options: ConjurOptions = {}): Promise<Conjur> {
	const conjur = await startConjur(t, options);
	letIn(conjur, web, readable);
	for (const id of ["db/user", "db/password", "a b+c?d%/e", "seen", "unseen", "data/dynamic/x"]) conjur.variables.set(id, `of ${id}`);
	conjur.variables.set("binary", binary);
	conjur.variables.declare("valueless");
	conjur.policy.permit(host, ["read"], "variable:seen");
	return conjur;
}

/** An id with account and kind. */
export function full(id: string): string {
	return `acme:variable:${id}`;
}

/** The query of a batch. */
export function batchOf(...ids: readonly string[]): string {
	return encodeURIComponent(ids.map(full).join(","));
}

/** Asks as that host. */
export function read(conjur: Conjur, path: string, request: Partial<PlainRequest> = {}): Promise<PlainAnswer> {
	return ask(conjur, { path, token: conjur.tokens.issue(host), ...request });
}

export function parsed({ body }: PlainAnswer): Readonly<Record<string, string>> {
	return JSON.parse(body.toString());
}
