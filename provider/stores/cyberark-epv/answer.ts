import { isJsonObject, JsonError, type JsonObject, type JsonValue, jsonMember, parseJson, stringifyJson } from "../../shared/json.ts";
import { Secret } from "../../shared/secret.ts";

/** The member that is the password or key itself. */
export const contentKey = "Content";

/**
 * What the vault's own work on an account changes, with nothing of the account changed: the state of its password manager
 * (CPM). It would make every verification of a password a change of the object.
 */
const stateKeys: ReadonlySet<string> = new Set([
	"CPMDisabled",
	"CPMErrorDetails",
	"CPMStatus",
	"LastFailDate",
	"LastSuccessChange",
	"LastSuccessReconciliation",
	"LastSuccessVerification",
	"LastTask",
	"PasswordChangeInProcess",
	"ResetImmediately",
	"RetriesCount",
	"SequenceID",
]);

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The JSON object of a body; undefined when it is anything else, such as a page of IIS. */
function parseObject(body: Buffer): JsonObject | undefined {
	try {
		const value = parseJson(utf8.decode(body));
		return isJsonObject(value) ? value : undefined;
	} catch (error) {
		if (error instanceof JsonError || error instanceof TypeError) return undefined;
		throw error;
	}
}

/** The code of an error of the web service, such as `APPAP004E`; undefined when the body is none of its answers. */
export function readErrorCode(body: Buffer): string | undefined {
	const answer = parseObject(body);
	const code = answer === undefined ? undefined : jsonMember(answer, "ErrorCode");
	return typeof code === "string" && /^[A-Z]{2,10}\d{2,4}[A-Z]$/.test(code) ? code : undefined;
}

/**
 * An account as JSON: its content and properties in the order of their names, without the state of the password manager.
 * Undefined when the body holds no content, and therefore is no account.
 */
export function readAccount(body: Buffer): Secret | undefined {
	const answer = parseObject(body);
	if (answer === undefined || typeof jsonMember(answer, contentKey) !== "string") return undefined;
	const members = Object.entries(answer).filter(([name, value]) => value !== null && !stateKeys.has(name));
	const sorted = members.sort(([one], [other]) => (one < other ? -1 : 1));
	return new Secret(stringifyJson(Object.fromEntries<JsonValue>(sorted)));
}
