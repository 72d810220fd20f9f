import { isUtf8 } from "node:buffer";
import type { Answer, StandInRequest } from "../stand-in.ts";
import { explained } from "./answers.ts";
import type { SecretsParts } from "./secrets.ts";

const mediaType = "application/x.secretsmgr.v2beta+json";
const mostIds = 250;

/**
 * The batch that only Conjur Cloud and its Edge have: ids without account and kind, and a status for each.
 * Source: conjur-api-go, "BatchRetrieveSecrets".
 *
 * @throws Refusal
 */
export function cloudBatch(login: string, request: StandInRequest, { policy, variables }: SecretsParts): Answer {
	if (request.headers.accept !== mediaType)
		throw explained(400, `CONJ00194W The api belongs to v2 APIs but it missing the version "${mediaType}" in the Accept header`);
	const ids = idsOf(request.body.toString());
	if (ids.length === 0 || ids.length > mostIds || ids.includes("")) throw explained(422, "ids");
	const secrets = ids.map((id) => {
		const value = variables.value(id);
		if (!variables.has(id)) return { id, status: 404, description: "Not Found" };
		if (!policy.permits(login, "execute", `variable:${id}`)) return { id, status: 403, description: "Forbidden" };
		if (value === undefined) return { id, status: 204 };
		return isUtf8(value) ? { id, value: value.toString(), status: 200 } : { id, status: 500, description: "Internal Server Error" };
	});
	const status = secrets.every((secret) => secret.status === 200) ? 200 : 207;
	return { status, headers: { "content-type": mediaType }, body: JSON.stringify({ secrets }) };
}

function idsOf(text: string): readonly string[] {
	try {
		const { ids } = Object(JSON.parse(text)) as { readonly ids?: unknown };
		return Array.isArray(ids) ? ids.map(String) : [];
	} catch {
		throw explained(400, "The body is no JSON");
	}
}
