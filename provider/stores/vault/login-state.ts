import { ProviderError } from "../../errors.ts";
import { isJsonObject, JsonError, type JsonObject, jsonMember, parseJson, stringifyJson } from "../../shared/json.ts";
import { Secret } from "../../shared/secret.ts";
import { isToken, type VaultLogin } from "./login.ts";

/** A login as text, for a later process. */
export function writeLoginState(login: VaultLogin): Secret {
	const { token, expiresAt, revocable, renewable } = login;
	return new Secret(
		stringifyJson({ token: token.reveal().toString("latin1"), expiresAt: expiresAt?.getTime() ?? null, revocable, renewable }),
	);
}

/** @throws ProviderError `invalid` when the text is none of {@link writeLoginState} */
export function readLoginState(state: Secret): VaultLogin {
	const object = parseState(state);
	const token = object === undefined ? undefined : jsonMember(object, "token");
	const end = object === undefined ? undefined : jsonMember(object, "expiresAt");
	if (object === undefined || !isToken(token) || (end !== null && typeof end !== "number"))
		throw new ProviderError("invalid", "What was kept of a Vault login cannot be read.", { remedy: "The pods log in anew." });
	return {
		token: new Secret(token),
		expiresAt: end === null ? undefined : new Date(end),
		revocable: jsonMember(object, "revocable") === true,
		renewable: jsonMember(object, "renewable") === true,
	};
}

function parseState(state: Secret): JsonObject | undefined {
	try {
		const value = parseJson(state.reveal().toString("utf8"));
		return isJsonObject(value) ? value : undefined;
	} catch (error) {
		if (error instanceof JsonError) return undefined;
		throw error;
	}
}
