import { isUtf8 } from "node:buffer";
import type { Answer, StandInRequest } from "../stand-in.ts";
import { explained, json, missingValue, silent } from "./answers.ts";
import type { Policy } from "./policy.ts";
import type { Variables } from "./variables.ts";

export interface SecretsParts {
	readonly account: string;
	readonly policy: Policy;
	readonly variables: Variables;
}

const mostDynamic = 10;
const dynamicBranch = "data/dynamic/";
/** Encoded bytes in a line, as Ruby's `Base64.encode64` breaks them. */
const lineLength = 60;

/** What can be read of variables, by a role that has logged in. */
export class Secrets {
	/** Whether a batch tells that a variable is missing before it tells that another is not allowed, which some releases do. */
	tellsMissingFirst = false;
	readonly #parts: SecretsParts;

	constructor(parts: SecretsParts) {
		this.#parts = parts;
	}

	/** All values, or a refusal for all. @param asked `variable_ids` of the query, decoded @throws Refusal */
	batch(login: string, asked: string, request: StandInRequest): Answer {
		const ids = asked.replace(/,+$/, "").split(",");
		if (ids.some((id) => id.trim() === "")) throw explained(422, "variable_ids");
		if (ids.filter((id) => this.#idOf(id).startsWith(dynamicBranch)).length > mostDynamic)
			throw explained(422, `A batch may hold ${mostDynamic} dynamic secrets`);
		const missing = ids.find((id, index) => !this.#has(id) || ids.indexOf(id) !== index);
		if (this.tellsMissingFirst && missing !== undefined) throw missingValue(missing);
		if (ids.some((id) => this.#has(id) && !this.#mayRead(login, this.#idOf(id)))) throw silent(403);
		if (missing !== undefined) throw missingValue(missing);
		return this.#values(ids, String(request.headers["accept-encoding"]).toLowerCase() === "base64");
	}

	/** @param version `version` of the query @throws Refusal */
	single(login: string, id: string, version: string | undefined): Answer {
		const { account, variables } = this.#parts;
		const full = `${account}:variable:${id}`;
		if (!variables.has(id) || !this.#sees(login, id)) throw missingValue(full);
		if (!this.#mayRead(login, id)) throw silent(403);
		if (version !== undefined && !/^\d{1,9}$/.test(version)) throw explained(422, "invalid type for parameter 'version'");
		const value = variables.value(id, version === undefined ? undefined : Number(version));
		if (value === undefined) throw missingValue(full);
		return { status: 200, headers: { "content-type": variables.mimeType(id) ?? "application/octet-stream" }, body: value };
	}

	/** All about a variable but its values. @throws Refusal */
	resource(login: string, id: string): Answer {
		const { account, variables } = this.#parts;
		const full = `${account}:variable:${id}`;
		if (!variables.has(id) || !this.#sees(login, id)) throw explained(404, `${full} not found`);
		const mimeType = variables.mimeType(id);
		return json({
			created_at: "2026-01-01T00:00:00.000+00:00",
			id: full,
			owner: `${account}:user:admin`,
			policy: `${account}:policy:root`,
			permissions: [],
			annotations: mimeType === undefined ? [] : [{ name: "conjur/mime_type", value: mimeType, policy: `${account}:policy:root` }],
			secrets: variables.versions(id).map(({ version }) => ({ version, expires_at: null })),
		});
	}

	#values(ids: readonly string[], inBase64: boolean): Answer {
		const values = ids.map((id) => {
			const value = this.#parts.variables.value(this.#idOf(id));
			if (value === undefined) throw missingValue(id);
			if (!inBase64 && !isUtf8(value)) throw explained(406, `CONJ00074E Issue encoding secret into JSON format: ${id}`);
			return [id, inBase64 ? lines(value) : value.toString()] as const;
		});
		return json(Object.fromEntries(values), inBase64 ? { "content-encoding": "base64" } : {});
	}

	#has(full: string): boolean {
		return this.#parts.variables.has(this.#idOf(full));
	}

	/** An id without account and kind; empty when those are not ours. */
	#idOf(full: string): string {
		const prefix = `${this.#parts.account}:variable:`;
		return full.startsWith(prefix) ? full.slice(prefix.length) : "";
	}

	#mayRead(login: string, id: string): boolean {
		return this.#parts.policy.permits(login, "execute", `variable:${id}`);
	}

	#sees(login: string, id: string): boolean {
		return this.#parts.policy.sees(login, `variable:${id}`);
	}
}

function lines(value: Buffer): string {
	return value.toString("base64").replaceAll(new RegExp(`.{1,${lineLength}}`, "g"), "$&\n");
}
