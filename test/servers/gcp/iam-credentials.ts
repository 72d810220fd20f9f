import { type AccessTokens, cloudPlatformScope, type JudgeForeignBearer } from "./access-tokens.ts";
import { type Answer, type Call, json, jsonBody, type Route, statusError } from "./answers.ts";
import { type Iam, type Permission, type Principal, serviceAccount } from "./iam.ts";
import type { ServiceAccounts } from "./service-accounts.ts";

export interface IamCredentialsParts {
	readonly tokens: AccessTokens;
	readonly judgeForeign: JudgeForeignBearer;
	readonly iam: Iam;
	readonly accounts: ServiceAccounts;
}

const scopes = [cloudPlatformScope, "https://www.googleapis.com/auth/iam"];
const longestLifetimeSeconds = 3600;
const accountName = /^projects\/-\/serviceAccounts\/([^/]+)$/;

/**
 * Impersonation of service accounts, through a chain of delegates where there is one.
 * Source: IAM Service Account Credentials API, projects.serviceAccounts.generateAccessToken.
 */
export class IamCredentials {
	readonly #parts: IamCredentialsParts;

	constructor(parts: IamCredentialsParts) {
		this.#parts = parts;
	}

	get routes(): readonly Route[] {
		const path = /^\/v1\/(projects\/-\/serviceAccounts\/[^/:]+):generateAccessToken$/;
		return [
			{
				operation: "iam.generateAccessToken",
				service: "iamcredentials",
				method: "POST",
				path,
				handle: (call) => this.#generate(call),
			},
		];
	}

	async #generate(call: Call): Promise<Answer> {
		const { tokens, judgeForeign } = this.#parts;
		const caller = await tokens.authenticate(call, judgeForeign, scopes);
		call.principal = caller.name;
		const { delegates = [], scope, lifetime = `${longestLifetimeSeconds}s` } = jsonBody(call);
		if (!isTexts(scope) || scope.length === 0) throw statusError("INVALID_ARGUMENT", "Scope required.");
		const seconds = Number(/^(\d+(?:\.\d+)?)s$/.exec(String(lifetime))?.[1] ?? Number.NaN);
		if (!(seconds > 0 && seconds <= longestLifetimeSeconds))
			throw statusError("INVALID_ARGUMENT", "The access token lifetime cannot exceed 3600 seconds.");
		if (!isTexts(delegates)) throw statusError("INVALID_ARGUMENT", "Invalid value at 'delegates'.");
		this.#walk(caller, delegates, call.resource);
		const email = accountName.exec(call.resource)?.[1] ?? "";
		const { token, expiresAt } = tokens.issue(serviceAccount(email), scope, Math.min(seconds, tokens.lifetimeSeconds));
		return json({ accessToken: token, expireTime: expiresAt.toISOString() });
	}

	/** Each one of the chain must be allowed to pass through the next, and the last to become the target. */
	#walk(caller: Principal, delegates: readonly string[], target: string): void {
		let current = caller;
		for (const delegate of delegates) {
			this.#step(current, "iam.serviceAccounts.implicitDelegation", delegate);
			current = serviceAccount(accountName.exec(delegate)?.[1] ?? "");
		}
		this.#step(current, "iam.serviceAccounts.getAccessToken", target);
	}

	#step(principal: Principal, permission: Permission, resource: string): void {
		const { iam, accounts } = this.#parts;
		const email = accountName.exec(resource)?.[1];
		if (email === undefined) throw statusError("INVALID_ARGUMENT", `Invalid form of account name: ${resource}.`);
		if (!accounts.has(email)) throw statusError("NOT_FOUND", `Not found; Gaia id not found for email ${email}`);
		if (iam.permits(principal, permission, resource)) return;
		throw statusError("PERMISSION_DENIED", `Permission '${permission}' denied on resource (or it may not exist).`, {
			reason: "IAM_PERMISSION_DENIED",
		});
	}
}

function isTexts(value: unknown): value is readonly string[] {
	return Array.isArray(value) && value.every((entry) => typeof entry === "string");
}
