import type { Answer, Desk, Purpose, StandInRequest } from "../stand-in.ts";
import type { AccessTokens } from "./access-tokens.ts";
import { json, silent, uriTooLong } from "./answers.ts";
import type { Authenticators } from "./authenticators.ts";
import { cloudBatch } from "./cloud.ts";
import { findRoute, type Route } from "./routes.ts";
import type { Secrets, SecretsParts } from "./secrets.ts";

export interface DeskParts extends SecretsParts {
	readonly isCloud: boolean;
	readonly authenticators: Authenticators;
	readonly tokens: AccessTokens;
	readonly secrets: Secrets;
}

/** Beneath this lies the whole API of Conjur Cloud. */
const cloudBase = "/api";

/** Leads requests to the parts of Conjur. */
export class ConjurDesk implements Desk {
	/** The longest path with query that the web server before Conjur takes. */
	longestUrl = 8192;
	readonly #parts: DeskParts;

	constructor(parts: DeskParts) {
		this.#parts = parts;
	}

	read(request: StandInRequest): Purpose {
		const route = this.#route(request);
		const resource = route?.parts["id"] ?? route?.parts["service"] ?? field(request, "variable_ids") ?? "";
		return { operation: route?.operation ?? "", resource, caller: this.#parts.tokens.holder(request) };
	}

	async answer(request: StandInRequest, purpose: Purpose): Promise<Answer> {
		if (lengthOf(request) > this.longestUrl) return uriTooLong;
		const route = this.#route(request);
		if (route === undefined) throw silent(404);
		if (route.operation === "root") return json({ version: "1.24.0-stand-in" });
		if (route.operation === "authenticate") {
			const { service = "", account = "", id } = route.parts;
			const { login, answer } = await this.#parts.authenticators.login(request, { service, account, id });
			purpose.caller = login;
			return answer;
		}
		return this.#read(request, route, this.#parts.tokens.authenticate(request));
	}

	#read(request: StandInRequest, { operation, parts }: Route, login: string): Answer | Promise<Answer> {
		const { secrets, authenticators, account } = this.#parts;
		if (operation === "secrets.values") return cloudBatch(login, request, this.#parts);
		if (operation === "secrets.batch") return secrets.batch(login, field(request, "variable_ids") ?? "", request);
		if (operation === "whoami") return this.#whoami(request);
		if (parts["account"] !== account) throw silent(404);
		if (operation === "authenticator.status") return authenticators.status(login, parts["service"] ?? "");
		const id = parts["id"] ?? "";
		return operation === "resources.get" ? secrets.resource(login, id) : secrets.single(login, id, field(request, "version"));
	}

	#whoami(request: StandInRequest): Answer {
		const { sub, iat } = this.#parts.tokens.claims(request);
		return json({
			client_ip: request.socket.remoteAddress ?? "",
			user_agent: request.headers["user-agent"] ?? "",
			account: this.#parts.account,
			username: sub,
			token_issued_at: new Date(iat * 1000).toISOString(),
		});
	}

	#route({ method, path }: StandInRequest): Route | undefined {
		const { isCloud } = this.#parts;
		if (isCloud && !path.startsWith(`${cloudBase}/`)) return undefined;
		try {
			return findRoute(method, isCloud ? path.slice(cloudBase.length) : path, isCloud);
		} catch {
			return undefined;
		}
	}
}

function field({ query = "" }: StandInRequest, name: string): string | undefined {
	return new URLSearchParams(query).get(name) ?? undefined;
}

function lengthOf({ path, query }: StandInRequest): number {
	return path.length + (query === undefined ? 0 : 1 + query.length);
}
